import type { Processor, Queue, Worker, WorkerOptions } from 'bullmq';
import type { QueueName } from './job.ts';

/** Where BullMQ keeps the queues of a tier. */
export interface Store {
  /**
   * How long a producer waits for the store, milliseconds: the row is committed already, requeueLost will nudge it again.
   */
  patienceMs: number;
  /** Whether the store can take a command now. Producers don't wait for one that is away. */
  ready(): boolean;
  /** Calls when the store is back after it was away. */
  onReady(listener: () => void): void;
  open(name: QueueName): Queue;
  openWorker(name: QueueName, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  close(): Promise<void>;
}
