import type { z } from 'zod';

/** A queue is work with its own concurrency and limits; a new job goes into an existing one unless it needs those. */
export const queueNames = ['ingestion', 'embedding', 'answer', 'learning', 'upkeep', 'webhook'] as const;
export type QueueName = (typeof queueNames)[number];

export interface JobDefinition<Payload extends z.ZodType = z.ZodType> {
  queue: QueueName;
  /** Ids only, never documents: a payload is read by operators in the board and may be delivered twice. */
  payload: Payload;
  /** Names the work: while a job of that name waits or runs, another one is not added. */
  once: (payload: z.output<Payload>) => string;
  /** Asked for while it runs, it runs once more afterwards: what it reads may have changed since it began. */
  runsAgain?: boolean;
  /** Deliveries before the handler's giveUp is called. Backoff is exponential with jitter. */
  attempts: number;
  /** Milliseconds one delivery may take before its AbortSignal fires. */
  timeoutMs: number;
  /** Milliseconds between scheduled runs, for work that nobody asks for. */
  everyMs?: number;
}

export function defineJob<Payload extends z.ZodType>(
  definition: JobDefinition<Payload>,
): JobDefinition<Payload> {
  return definition;
}
