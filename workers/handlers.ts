import type { JobName } from '../src/jobs/catalog.ts';
import { answerQuestion } from './answer/answer-question.ts';
import type { Handler } from './context.ts';
import { buildGeneration } from './embedding/build-generation.ts';
import { compareGeneration } from './embedding/compare-generation.ts';
import { embedChunks } from './embedding/embed-chunks.ts';
import { ingestDocument } from './ingestion/ingest-document.ts';
import { classifyDocument } from './learning/classify-document.ts';
import { classifyDue } from './learning/classify-due.ts';
import { learnBatch } from './learning/learn-batch.ts';
import { learnFromExperience } from './learning/learn-from-experience.ts';
import { runEvaluation } from './learning/run-evaluation.ts';
import { suggestTaxonomy } from './learning/suggest-taxonomy.ts';
import { tendCases } from './learning/tend-cases.ts';
import { deleteDocument } from './upkeep/delete-document.ts';
import { measureVectorRecall } from './upkeep/measure-vector-recall.ts';
import { reclaimGeneration } from './upkeep/reclaim-generation.ts';
import { reindexChunks } from './upkeep/reindex-chunks.ts';
import { requeueLost } from './upkeep/requeue-lost.ts';
import { scanOrphans } from './upkeep/scan-orphans.ts';
import { sweepExpired } from './upkeep/sweep-expired.ts';
import { tendRollouts } from './upkeep/tend-rollouts.ts';
import { tendVectorIndexes } from './upkeep/tend-vector-indexes.ts';
import { vacuumCorpus } from './upkeep/vacuum-corpus.ts';
import { deliverWebhook } from './webhook/deliver-webhook.ts';
import { nudgeWebhooks } from './webhook/nudge-webhooks.ts';

/** Where each job of the catalog is done; leaving one out does not compile. */
export const handlers: { [N in JobName]: Handler<N> } = {
  ingestDocument,
  embedChunks,
  buildGeneration,
  compareGeneration,
  answerQuestion,
  learnFromExperience,
  learnBatch,
  runEvaluation,
  tendCases,
  suggestTaxonomy,
  classifyDocument,
  classifyDue,
  deliverWebhook,
  nudgeWebhooks,
  deleteDocument,
  reclaimGeneration,
  reindexChunks,
  requeueLost,
  tendRollouts,
  sweepExpired,
  scanOrphans,
  vacuumCorpus,
  tendVectorIndexes,
  measureVectorRecall,
};
