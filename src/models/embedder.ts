/** What a text is to the model: some models embed a question differently from the passage that answers it. */
export type EmbeddingTask = 'query' | 'passage';

/**
 * An embedding model. Vectors are L2-normalised, so cosine similarity is their dot product.
 */
export interface Embedder {
  /** Names model and dimensions, e.g. `all-MiniLM-L6-v2-q4@384`: stored beside every vector, never mixed in one search. */
  readonly model: string;
  readonly dimensions: number;
  /** Most texts one `embed` call takes. */
  readonly maxBatch: number;
  /**
   * How far the model can read the text, 0…1. Fusion weighs the dense leg by it: an English model's opinion of a Korean
   * question is noise.
   */
  reads(text: string): number;
  /** One vector a text, in order. Runs off the event loop. Throws AppError `embedding_unavailable` (retryable) or the abort reason. */
  embed(
    texts: readonly string[],
    options: { task: EmbeddingTask; signal?: AbortSignal },
  ): Promise<Float32Array[]>;
  close(): Promise<void>;
}
