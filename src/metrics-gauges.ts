import { Gauge } from 'prom-client';
import { type QueueName, queueNames } from './jobs/job.ts';
import type { Metrics } from './metrics.ts';

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
