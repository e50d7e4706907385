import type { Sums } from './means.ts';

/** What was observed of one arm, in one stage. Latencies and what the answers are worth leave out those given from the cache. */
export interface ArmReading {
  /** Answers assigned to it, whatever became of them. */
  exposures: number;
  /** Of these, not ended and not overdue. */
  pending: number;
  /** Ended, or overdue; not those that were cancelled. */
  decided: number;
  errors: number;
  completed: number;
  degraded: number;
  answered: number;
  latency: Sums;
  logLatency: Sums;
  support: Sums;
  confidence: Sums;
  feedback: Sums;
  quality: Sums;
  /** Of all answers that were not cancelled and whose whole time is known or passes the limit already. */
  timed: number;
  p95Ms: number | null;
  /** Of these, over the limit of the stage's gate for p95_ms. */
  overLimit: number;
}

/** What is read of the service as a whole; null: not known. */
export interface ServiceReading {
  memory_mb: number | null;
  buffer_size: number | null;
  buffer_mb: number | null;
  learning_states: number | null;
  /** Of the batches of learning that were planned in the stage and are learned or should be, the share that is. */
  batch_success: number | null;
  /** Relative change. */
  golden_ndcg: number | null;
}

export interface Readings {
  treatment: ArmReading;
  control: ArmReading;
  /** false: everybody is treated, and control is what earlier stages observed, in another time. */
  concurrent: boolean;
  /** Nobody is treated in this stage: what is measured is the control. */
  baseline: boolean;
  minutes: number;
  service: ServiceReading;
}
