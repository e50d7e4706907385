import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type CacheLookups, readHitRatios } from './hit-ratios.ts';
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
