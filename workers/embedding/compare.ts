import type { Knex } from 'knex';
import { readProbeChunks, readRecentQuestions } from '../../src/db/corpus-sample.ts';
import type { Comparison } from '../../src/db/generations.ts';
import { searchMeaning } from '../../src/db/search-meaning.ts';
import { bootstrap, mean } from '../../src/evaluation/measures.ts';
import type { Embedder } from '../../src/models/embedder.ts';

const depth = 10;
const mostQuestions = 50;
const mostChunks = 50;
/** Characters of a chunk's beginning that are searched for. */
const beginning = 200;

interface Probe {
  text: string;
  /** The chunk that the text is the beginning of. */
  seq: number | null;
}

/**
 * Searches the vectors of both models for recent questions and for beginnings of chunks spread over the corpus. Overlap: the
 * share of the first ten that both have. Recall: of the beginnings, the share whose chunk is among the first ten.
 */
export async function compare(
  db: Knex,
  built: Embedder,
  live: Embedder,
  signal: AbortSignal,
): Promise<Comparison> {
  const probes = await readProbes(db);
  const found: { probe: Probe; overlap: number; built: boolean; live: boolean }[] = [];
  for (const probe of probes) {
    const [mine, theirs] = [
      await firstTen(db, built, probe, signal),
      await firstTen(db, live, probe, signal),
    ];
    const both = mine.filter((seq) => theirs.includes(seq)).length;
    const most = Math.max(1, Math.min(depth, Math.max(mine.length, theirs.length)));
    const has = (seqs: number[]) => probe.seq !== null && seqs.includes(probe.seq);
    found.push({ probe, overlap: both / most, built: has(mine), live: has(theirs) });
  }
  const overlaps = found.map(({ overlap }) => overlap);
  const known = found.filter(({ probe }) => probe.seq !== null);
  const recall = (of: 'built' | 'live') => mean(known.map((one) => (one[of] ? 1 : 0)));
  return {
    with_model: live.model,
    questions: found.length - known.length,
    chunks: known.length,
    overlap_at_10: found.length === 0 ? null : mean(overlaps),
    overlap_interval: found.length === 0 ? null : bootstrap(overlaps),
    recall_at_10: known.length === 0 ? null : recall('built'),
    live_recall_at_10: known.length === 0 ? null : recall('live'),
  };
}

async function readProbes(db: Knex): Promise<Probe[]> {
  const questions = await readRecentQuestions(db, mostQuestions);
  const chunks = await readProbeChunks(db, mostChunks);
  return [
    ...questions.map((text) => ({ text, seq: null })),
    ...chunks.map(({ seq, text }) => ({ seq, text: text.slice(0, beginning) })),
  ];
}

async function firstTen(
  db: Knex,
  embedder: Embedder,
  { text }: Probe,
  signal: AbortSignal,
): Promise<number[]> {
  const [vector] = await embedder.embed([text], { task: 'query', signal });
  if (!vector) return [];
  const found = await searchMeaning(db, { model: embedder.model, vector }, { limit: depth });
  return found.map(({ seq }) => seq);
}
