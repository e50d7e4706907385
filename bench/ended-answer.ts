import { randomUUID } from 'node:crypto';
import type { NewRecord } from '../src/db/answer-records.ts';
import { claimAnswer, completeAnswer, insertAnswer } from '../src/db/answers.ts';
import type { Db } from '../src/db/connect.ts';
import type { NewExperience } from '../src/db/experiences.ts';

const names = ['intent', 'retrieve', 'plan', 'tools_debate', 'compose', 'cite', 'respond'];
const steps = names.map((name) => ({
  type: 'step' as const,
  data: { name, ms: 12.3, outcome: 'ok', budget_ms: 400 },
}));
const numbers = Array.from({ length: 10 }, (_, n) => n + 1);

/** As large as those of a usual answer: ten passages, none of a document that is there. */
const result = {
  answer: 'The lighthouse keeper counts the ships that pass every night [1]. '.repeat(4),
  ...{ abstained: false, language: 'en', model: 'extractive', degraded: null, confidence: 0.8 },
  sources: numbers.map((n) => ({
    ...{ n, document_id: null, version: 1, chunk_id: null, title: `Source ${n}`, verified: true, support: 1 },
    text: 'The lighthouse keeper counts the ships that pass every night. '.repeat(6),
    quote: 'The lighthouse keeper counts the ships that pass every night.',
  })),
  steps: steps.map(({ data }) => data),
};
const record: NewRecord = {
  ...{ corpus_version: 1, taxonomy_version: '1.0.0', generation_id: null, embedding_model: null },
  ...{ analyzer_version: 1, policy_version: null, prompt_version: 'p', prompt_hash: null },
  ...{ service_version: '1', strategy: 'hybrid', seed: 'a seed', settings: { final_topk: 10 } },
  passages: numbers.map((n) => ({
    ...{ chunk_id: randomUUID(), chunk_ids: [randomUUID()], document_id: randomUUID(), version: 1 },
    ...{ text_hash: 'a'.repeat(64), score: 1 / n, keyword_score: 0.5, vector_score: 0.5, rerank_score: null },
  })),
  ...{ cached_from: null, raw: [], rawHours: 0 },
};

/** Milliseconds that ending an answer takes once it is made; with an experience, of whose answer it is. */
export async function endAnswer(
  db: Parameters<typeof completeAnswer>[0],
  added: NewExperience | null,
  capacity: number,
) {
  const id = added?.answerId ?? randomUUID();
  const token = await beginAnswer(db, id);
  const told = { events: steps, documents: [] };
  const experience = added && { added, capacity };
  const started = performance.now();
  await completeAnswer(db, id, token, result, { record, told, experience });
  return performance.now() - started;
}

async function beginAnswer(db: Db, id: string): Promise<string> {
  await insertAnswer(db, {
    ...{ id, question: 'Who counts the ships?', request: { mode: 'answer' }, apiKeyId: null, requestId: 'b' },
    ...{ traceparent: null, deadlineMs: 60_000, keepHours: 1 },
  });
  const claimed = await claimAnswer(db, id);
  if (!claimed) throw new Error('nobody else claims it');
  return claimed.token;
}
