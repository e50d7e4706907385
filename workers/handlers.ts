import type { JobName } from '../src/jobs/catalog.ts';
import { answerQuestion } from './answer/answer-question.ts';
import type { Handler } from './context.ts';
import { embedChunks } from './embedding/embed-chunks.ts';
import { ingestDocument } from './ingestion/ingest-document.ts';
import { learnFromExperience } from './learning/learn-from-experience.ts';
import { deleteDocument } from './upkeep/delete-document.ts';
import { measureVectorRecall } from './upkeep/measure-vector-recall.ts';
import { requeueLost } from './upkeep/requeue-lost.ts';
import { sweepExpired } from './upkeep/sweep-expired.ts';
import { tendVectorIndexes } from './upkeep/tend-vector-indexes.ts';
import { vacuumCorpus } from './upkeep/vacuum-corpus.ts';

/** Where each job of the catalog is done; leaving one out does not compile. */
export const handlers: { [N in JobName]: Handler<N> } = {
  ingestDocument,
  embedChunks,
  answerQuestion,
  learnFromExperience,
  deleteDocument,
  requeueLost,
  sweepExpired,
  vacuumCorpus,
  tendVectorIndexes,
  measureVectorRecall,
};
