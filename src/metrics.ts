import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type CacheLookups, readHitRatios } from './hit-ratios.ts';
import { type QueueName, queueNames } from './jobs/job.ts';
import type { PiiCounts } from './text/pii/mask.ts';

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
    plans: new Counter({
      name: 'rag_plans_total',
      help: 'Plans of the planner, by who made them and whether sub-questions were searched.',
      labelNames: ['by', 'strategy'],
      registers,
    }),
    debates: new Counter({
      name: 'rag_debates_total',
      help: 'Debates, by whether their synthesis became the answer, a single answer took its place, or none was held.',
      labelNames: ['outcome'],
      registers,
    }),
    policyDecisions: new Counter({
      name: 'rag_policy_decisions_total',
      help: 'Retrievals decided by a policy; explored: another action looked better.',
      labelNames: ['policy', 'action', 'explored'],
      registers,
    }),
    experiences: new Counter({
      name: 'rag_experiences_total',
      help: 'Experiences of answers that were to be kept.',
      labelNames: ['outcome'],
      registers,
    }),
    batchesLearned: new Counter({
      name: 'rag_learning_batches_total',
      help: 'Batches of experiences that were learned.',
      labelNames: ['policy'],
      registers,
    }),
    toolCalls: new Counter({
      name: 'rag_tool_calls_total',
      help: 'Calls of tools for answers, refused ones among them, by server and how they went.',
      labelNames: ['server', 'outcome'],
      registers,
    }),
    documentsClassified: new Counter({
      name: 'rag_documents_classified_total',
      help: 'Documents classified: assigned to a node, or left to a person (review).',
      labelNames: ['outcome'],
      registers,
    }),
    replays: new Counter({
      name: 'rag_replays_total',
      help: 'Finished replays of answers, by whether retrieval and answer were the same.',
      labelNames: ['mode', 'outcome'],
      registers,
    }),
    replayTokens: new Counter({
      name: 'rag_replay_tokens_total',
      help: 'Of the tokens of the language model, those that replays took.',
      labelNames: ['model', 'kind'],
      registers,
    }),
    searchSeconds: new Histogram({
      name: 'rag_search_duration_seconds',
      help: 'Retrieval, cache included.',
      labelNames: ['strategy', 'cache'],
      buckets: seconds,
      registers,
    }),
    cacheLookups: countCacheLookups(registers),
    caseLookups: new Counter({
      name: 'rag_case_lookups_total',
      help: 'Looks into the case bank, by whether a case was like the question.',
      labelNames: ['outcome'],
      registers,
    }),
    rerankSeconds: new Histogram({
      name: 'rag_rerank_duration_seconds',
      help: 'Calls of the reranker.',
      labelNames: ['model', 'outcome'],
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
    llmCost: new Counter({
      name: 'rag_llm_cost_usd_total',
      help: 'What calls of the language model cost by LLM_PRICES, US dollars.',
      labelNames: ['model'],
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
      help: 'Chunks that got a vector made for them.',
      labelNames: ['model'],
      registers,
    }),
    vectorsReused: new Counter({
      name: 'rag_vectors_reused_total',
      help: 'Chunks that got a vector which the model had made for the same text before.',
      labelNames: ['model'],
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'rag_webhook_attempts_total',
      help: 'Tries to deliver a webhook: delivered, retry (failed, tried again later), failed (given up), gone (410).',
      labelNames: ['outcome'],
      registers,
    }),
    webhooksDisabled: new Counter({
      name: 'rag_webhooks_disabled_total',
      help: 'Registered webhooks that were disabled, because they answered 410 or failed for days.',
      labelNames: ['reason'],
      registers,
    }),
    rolloutMoves: new Counter({
      name: 'rag_rollout_moves_total',
      help: 'Moves of rollouts (advance, pause, resume, rollback; yield: paused because somebody else set its flags), by hand or by itself.',
      labelNames: ['move', 'by'],
      registers,
    }),
    countPii: countPii(registers),
  };
}

/** Adds what was found in one text to the counter; kinds without any have no series. */
function countPii(registers: Registry[]): (found: PiiCounts) => void {
  const counter = new Counter({
    name: 'rag_pii_found_total',
    help: 'Personal data found in documents, questions and comments.',
    labelNames: ['kind'],
    registers,
  });
  return (found) => {
    for (const [kind, count] of Object.entries(found)) counter.inc({ kind }, count);
  };
}

/** With the share of hits, which no query language is needed to read. */
function countCacheLookups(registers: Registry[]): CacheLookups {
  const lookups = new Counter({
    name: 'rag_cache_lookups_total',
    help: 'Searches that asked the cache for their result and for the vector of their question, and questions for their answer.',
    labelNames: ['cache', 'outcome'],
    registers,
  });
  new Gauge({
    name: 'rag_cache_hit_ratio',
    help: 'Share of these that it had, since this process started.',
    labelNames: ['cache'],
    registers,
    async collect() {
      for (const [cache, { hit_ratio }] of Object.entries(await readHitRatios(lookups)))
        if (hit_ratio !== null) this.set({ cache }, hit_ratio);
    },
  });
  return lookups;
}

export type Metrics = ReturnType<typeof createMetrics>;

export interface QueueReading {
  queue: QueueName;
  states: Record<string, number>;
  oldestWaitingSeconds: number | null;
}

/**
 * Depth and age of the queues, as they are at the scrape: in the API process only, every worker would export the same. While
 * their store does not answer there are no series, rather than the last ones: absent() notices that.
 */
export function exportQueues(metrics: Metrics, read: () => Promise<QueueReading[]>): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'rag_queue_oldest_waiting_seconds',
    help: 'Age of the oldest waiting job.',
    labelNames: ['queue'],
    registers,
    // Each gauge reads for itself: the registry collects them side by side, so neither could set the other in time.
    async collect() {
      const readings = await read();
      this.reset();
      for (const { queue, oldestWaitingSeconds } of readings) this.set({ queue }, oldestWaitingSeconds ?? 0);
    },
  });
  new Gauge({
    name: 'rag_queue_jobs',
    help: 'Jobs by state.',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      const readings = await read();
      this.reset();
      for (const { queue, states } of readings)
        for (const [state, count] of Object.entries(states)) this.set({ queue, state }, count);
    },
  });
}

/** Recall of the vector indexes as it was last measured, by whichever worker; in the API process only. */
export function exportVectorRecall(
  metrics: Metrics,
  read: () => Promise<readonly { model: string; recall: number }[] | undefined>,
): void {
  new Gauge({
    name: 'rag_vector_recall',
    help: 'Share of the ten nearest passages that the vector index finds, by embedding model.',
    labelNames: ['model'],
    registers: [metrics.registry],
    async collect() {
      const measured = await read();
      this.reset();
      for (const { model, recall } of measured ?? []) this.set({ model }, recall);
    },
  });
}

/** Cases as they are at the scrape; in the API process only. */
export function exportCases(
  metrics: Metrics,
  read: () => Promise<readonly { status: string; count: number }[] | undefined>,
): void {
  new Gauge({
    name: 'rag_cases',
    help: 'Cases of the bank, by whether they are found.',
    labelNames: ['status'],
    registers: [metrics.registry],
    async collect() {
      const counted = await read();
      this.reset();
      for (const { status, count } of counted ?? []) this.set({ status }, count);
    },
  });
}

/** Deliveries of webhooks that wait, as they are at the scrape; in the API process only. */
export function exportWebhooks(
  metrics: Metrics,
  read: () => Promise<{ pending: number; oldestSeconds: number } | undefined>,
): void {
  const gauge = (name: string, help: string, value: 'pending' | 'oldestSeconds') =>
    new Gauge({
      ...{ name, help, registers: [metrics.registry] },
      async collect() {
        const found = await read();
        if (found) this.set(found[value]);
        else this.reset();
      },
    });
  gauge('rag_webhook_deliveries_pending', 'Deliveries of webhooks that wait for their next try.', 'pending');
  gauge('rag_webhook_oldest_pending_seconds', 'Age of the oldest of these.', 'oldestSeconds');
}

/** What each language model is for this process at the scrape, 1 for what holds; in workers only. */
export function exportModelConditions(
  metrics: Metrics,
  read: () => readonly { model: string; condition: string }[],
): void {
  new Gauge({
    name: 'rag_llm_condition',
    help: '1 for the condition of a language model: closed (calls pass), half_open, open (left alone after failures), rate_limited.',
    labelNames: ['model', 'condition'],
    registers: [metrics.registry],
    collect() {
      this.reset();
      for (const { model, condition } of read()) this.set({ model, condition }, 1);
    },
  });
}

/** Rollouts that have not ended, by the flags that they test; in the API process only. */
export function exportRollouts(
  metrics: Metrics,
  read: () => Promise<
    | readonly { flags: string; stage: number; paused: boolean; treatment: number; control: number }[]
    | undefined
  >,
): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'rag_rollout_stage',
    help: 'Stage of a rollout that has not ended, from 0, by the flags that it tests now.',
    labelNames: ['flags', 'status'],
    registers,
    async collect() {
      const found = await read();
      this.reset();
      for (const { flags, stage, paused } of found ?? [])
        this.set({ flags, status: paused ? 'paused' : 'running' }, stage);
    },
  });
  new Gauge({
    name: 'rag_rollout_exposures',
    help: 'Answers assigned to an arm in the present stage of a rollout.',
    labelNames: ['flags', 'arm'],
    registers,
    async collect() {
      const found = await read();
      this.reset();
      for (const { flags, treatment, control } of found ?? []) {
        this.set({ flags, arm: 'treatment' }, treatment);
        this.set({ flags, arm: 'control' }, control);
      }
    },
  });
}

/** Rows that belong to nothing as upkeep last found them; in the API process only. */
export function exportOrphans(
  metrics: Metrics,
  read: () => Promise<readonly { kind: string; found: number }[] | undefined>,
): void {
  new Gauge({
    name: 'rag_orphans',
    help: 'Rows that belonged to nothing at the last scan, which also removed them; 0 unless something is broken.',
    labelNames: ['table'],
    registers: [metrics.registry],
    async collect() {
      const found = await read();
      this.reset();
      for (const row of found ?? []) this.set({ table: row.kind }, row.found);
    },
  });
}

/**
 * Live worker processes by queue, 0 for a queue that nobody takes; in the API process only. `read` gives undefined when the
 * database does not answer: then there are no series.
 */
export function exportWorkers(
  metrics: Metrics,
  read: () => Promise<readonly { queues: readonly string[] }[] | undefined>,
): void {
  new Gauge({
    name: 'rag_workers',
    help: 'Worker processes that live, by the queue that they take.',
    labelNames: ['queue'],
    registers: [metrics.registry],
    async collect() {
      const live = await read();
      this.reset();
      if (!live) return;
      for (const queue of queueNames)
        this.set({ queue }, live.filter(({ queues }) => queues.includes(queue)).length);
    },
  });
}

/** How reviewers and machine get on, by node; in the API process only. At most a hundred nodes: those with most reviews. */
export function exportAgreement(
  metrics: Metrics,
  read: () => Promise<
    | readonly {
        path: string[];
        approved: number;
        corrected: number;
        waiting: number;
        agreement: number | null;
        drift: number | null;
      }[]
    | undefined
  >,
): void {
  const registers = [metrics.registry];
  const drift = new Gauge({
    name: 'rag_classify_drift',
    help: 'Agreement of the last 30 days less that before, by node.',
    labelNames: ['node'],
    registers,
  });
  const waiting = new Gauge({ name: 'rag_review_tasks_waiting', help: 'Undecided review tasks.', registers });
  new Gauge({
    name: 'rag_classify_agreement',
    help: 'Share of reviewed classifications that reviewers approved, by node.',
    labelNames: ['node'],
    registers,
    async collect() {
      const nodes = await read();
      for (const gauge of [this, drift, waiting]) gauge.reset();
      waiting.set((nodes ?? []).reduce((sum, one) => sum + one.waiting, 0));
      const reviewed = [...(nodes ?? [])].sort(
        (a, b) => b.approved + b.corrected - (a.approved + a.corrected),
      );
      for (const one of reviewed.slice(0, 100)) {
        const node = one.path.join('/');
        if (one.agreement !== null) this.set({ node }, one.agreement);
        if (one.drift !== null) drift.set({ node }, one.drift);
      }
    },
  });
}
