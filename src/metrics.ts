import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueName } from './jobs/job.ts';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Every series of a process. Labels have few values: never an id, a caller or the text of an error. */
export function createMetrics() {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    httpSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Requests by route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: seconds,
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'rag_job_duration_seconds',
      help: 'Run time of a delivery.',
      labelNames: ['queue', 'job', 'outcome'],
      buckets: seconds,
      registers,
    }),
    jobWaitSeconds: new Histogram({
      name: 'rag_job_wait_seconds',
      help: 'Time from the nudge to the start of the run.',
      labelNames: ['queue', 'job'],
      buckets: seconds,
      registers,
    }),
    jobsStalled: new Counter({
      name: 'rag_job_stalled_total',
      help: 'Deliveries whose worker stopped renewing its lock.',
      labelNames: ['queue'],
      registers,
    }),
    jobsGivenUp: new Counter({
      name: 'rag_job_dead_letter_total',
      help: 'Jobs given up, by error code.',
      labelNames: ['queue', 'job', 'reason'],
      registers,
    }),
    enqueueFailures: new Counter({
      name: 'rag_enqueue_failures_total',
      help: 'Nudges that the queue store did not take.',
      labelNames: ['job'],
      registers,
    }),
    requeued: new Counter({
      name: 'rag_requeued_total',
      help: 'Rows nudged again by requeueLost.',
      labelNames: ['kind'],
      registers,
    }),
    stepSeconds: new Histogram({
      name: 'rag_answer_step_seconds',
      help: 'Steps of an answer.',
      labelNames: ['step', 'outcome'],
      buckets: seconds,
      registers,
    }),
    answers: new Counter({
      name: 'rag_answers_total',
      help: 'Finished answers.',
      labelNames: ['outcome', 'strategy', 'model'],
      registers,
    }),
    searchSeconds: new Histogram({
      name: 'rag_search_duration_seconds',
      help: 'Retrieval, cache included.',
      labelNames: ['strategy', 'cache'],
      buckets: seconds,
      registers,
    }),
    llmSeconds: new Histogram({
      name: 'rag_llm_duration_seconds',
      help: 'Calls of the language model.',
      labelNames: ['model', 'outcome'],
      buckets: seconds,
      registers,
    }),
    llmTokens: new Counter({
      name: 'rag_llm_tokens_total',
      help: 'Tokens read and written by the language model.',
      labelNames: ['model', 'kind'],
      registers,
    }),
    documents: new Counter({
      name: 'rag_documents_total',
      help: 'Document versions that ended, by outcome.',
      labelNames: ['outcome', 'format'],
      registers,
    }),
    chunksEmbedded: new Counter({
      name: 'rag_chunks_embedded_total',
      help: 'Chunks that got a vector.',
      labelNames: ['model'],
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

export interface QueueReading {
  queue: QueueName;
  states: Record<string, number>;
  oldestWaitingSeconds: number | null;
}

/** Depth and age of the queues, read once a scrape. In the API process only: every worker would export the same. */
export function exportQueues(metrics: Metrics, read: () => Promise<QueueReading[]>): void {
  const registers = [metrics.registry];
  const age = new Gauge({
    name: 'rag_queue_oldest_waiting_seconds',
    help: 'Age of the oldest waiting job.',
    labelNames: ['queue'],
    registers,
  });
  new Gauge({
    name: 'rag_queue_jobs',
    help: 'Jobs by state.',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      for (const { queue, states, oldestWaitingSeconds } of await read()) {
        for (const [state, count] of Object.entries(states)) this.set({ queue, state }, count);
        age.set({ queue }, oldestWaitingSeconds ?? 0);
      }
    },
  });
}
