/** A model that reads question and passage together, and so judges better than words or vectors, but slower. */
export interface Reranker {
  /** As `query_analysis` and the cache name it. */
  readonly model: string;
  /** Most passages one `score` call takes. */
  readonly maxPassages: number;
  /**
   * How well each passage answers the question, 0…1, in order. Runs off the event loop. Throws AppError
   * `reranker_unavailable` (retryable) or the abort reason.
   */
  score(
    question: string,
    passages: readonly string[],
    options: { signal?: AbortSignal | undefined },
  ): Promise<number[]>;
  close(): Promise<void>;
}
