import type { Knex } from 'knex';
import { type Access, isWithin } from '../access.ts';
import { type LessonKey, type NodeToLearn, readChunks, readLessonKey } from '../db/classify-lesson.ts';
import { readKeptGenerations } from '../db/generations.ts';
import { AppError } from '../errors.ts';
import type { Embedder } from '../models/embedder.ts';
import type { EmbedderPool } from '../models/embedder-pool.ts';
import { type Classifier, learn } from './classifier.ts';
import { decide, type Weighed, weighTree } from './decide.ts';
import type { Signal } from './explain.ts';
import { chunkItem, type Gathered, gather, itemsOf } from './gather.ts';
import { joinItems } from './item.ts';
import { createJudge, type Evidence, type Judgement } from './judge.ts';
import { reasonsFor } from './reasons.ts';
import { compileRules } from './rules.ts';

export interface Candidate {
  node_id: string;
  label: string;
  canonical_path: string[];
  confidence: number;
}

/** What a text or a document is. */
export interface Classified {
  /** Path of the node; empty where there is none to choose. */
  canonical: string[];
  node_id: string | null;
  confidence: number;
  /** Too unsure: a person should look. */
  hitl: boolean;
  candidates: Candidate[];
  reasoning: string[];
  signals: Signal[];
  taxonomy_version: string;
}

/** Which chunk spoke for the node. */
export interface ChunkEvidence {
  chunk_id: string;
  /** Probability of the node by this chunk alone. */
  confidence: number;
  text: string;
}

export interface ClassifiedDocument extends Classified {
  /** By what it was classified. */
  lesson: Pick<Learned, 'classifierId' | 'revision' | 'taxonomyVersion' | 'nodes'>;
  /** Its beginnings of chunks, one after the other. */
  text: string;
  chunks: ChunkEvidence[];
  /** Nodes that it might be at, likeliest first. */
  nodes: string[];
}

export interface View {
  threshold: number;
  most: number;
  access?: Access | undefined;
  /** Nodes that a restricted key may know of; undefined: all. */
  shown?: ReadonlySet<string> | undefined;
}

export interface Classification {
  texts(texts: readonly string[], view: View, signal?: AbortSignal): Promise<Classified[]>;
  /** Undefined: it has no live version, or was deleted. */
  document(documentId: string, view: View): Promise<ClassifiedDocument | undefined>;
  /** What the classifier in force thinks of itself. */
  current(): Promise<Learned>;
}

export interface Learned extends Gathered {
  embedder: Embedder | null;
  classifier: Classifier | null;
  judge: ((evidence: Evidence) => Judgement) | null;
}

/** Chunks that are named as evidence. */
const mostEvidence = 3;
/** Nodes of less than this probability are none that a document might be at. */
const possibleFrom = 0.05;

/**
 * Classifies by the taxonomy in force. What is learned is kept until examples, rules or taxonomy change, and learned once however
 * many ask for it.
 */
export function createClassification(db: Knex, embedders: EmbedderPool): Classification {
  let kept: { fingerprint: string; learning: Promise<Learned> } | undefined;
  const current = async () => {
    const embedder = await liveEmbedder(db, embedders);
    const key = await readLessonKey(db, embedder?.model ?? 'words');
    if (kept?.fingerprint === key.fingerprint) return kept.learning;
    const learning = learnFrom(db, embedder, key);
    kept = { fingerprint: key.fingerprint, learning };
    // What failed is tried again by the next who asks.
    learning.catch(() => {
      if (kept?.learning === learning) kept = undefined;
    });
    return learning;
  };
  return {
    current,
    texts: async (texts, view, signal) => {
      const learned = await current();
      const items = await itemsOf(learned.embedder, texts, signal);
      return texts.map((text, i) => conclude(learned, { text, item: items[i] as Evidence['item'] }, view));
    },
    document: async (documentId, view) => {
      const learned = await current();
      const chunks = (await readChunks(db, [documentId], { model: learned.embedder?.model ?? '' })).get(
        documentId,
      );
      if (!chunks) return undefined;
      const each = chunks.map((chunk) => ({ chunk, item: chunkItem(chunk, learned.embedder) }));
      const whole = {
        text: chunks.map(({ text }) => text).join('\n'),
        item: joinItems(each.map(({ item }) => item)),
      };
      const { probabilities, ...found } = concludeFully(learned, whole, view);
      const of = learned.nodes.findIndex(({ id }) => id === found.node_id);
      const evidence = each
        .map(({ chunk, item }) => ({
          chunk_id: chunk.chunkId,
          confidence: of < 0 ? 0 : (learned.classifier?.classify(item)[of] ?? 0),
          text: chunk.text.slice(0, 200),
        }))
        .sort((a, b) => b.confidence - a.confidence)
        .slice(0, mostEvidence);
      const possible = learned.nodes
        .map(({ id }, i) => ({ id, probability: probabilities[i] ?? 0 }))
        .filter(({ id, probability }) => probability >= possibleFrom || id === found.node_id)
        .sort((a, b) => b.probability - a.probability);
      return {
        ...found,
        lesson: learned,
        text: whole.text,
        chunks: evidence,
        nodes: possible.slice(0, 8).map(({ id }) => id),
      };
    },
  };
}

/** null where it can't be opened: then words alone classify. */
async function liveEmbedder(db: Knex, embedders: EmbedderPool): Promise<Embedder | null> {
  const [live] = await readKeptGenerations(db);
  if (live?.status !== 'live') return null;
  try {
    return await embedders.of(live);
  } catch (error) {
    if (error instanceof AppError && error.code === 'embedding_unavailable') return null;
    throw error;
  }
}

async function learnFrom(db: Knex, embedder: Embedder | null, key: LessonKey): Promise<Learned> {
  const gathered = await gather(db, embedder, key);
  const { nodes, names, pool, examples, rules } = gathered;
  if (nodes.length < 2) return { ...gathered, embedder, classifier: null, judge: null };
  const classifier = await learn({ classes: nodes.length, examples, names, pool });
  const ids = nodes.map(({ id }) => id);
  return {
    ...gathered,
    embedder,
    classifier,
    judge: createJudge(classifier, ids, compileRules(rules), examples),
  };
}

function conclude(learned: Learned, evidence: Evidence, view: View): Classified {
  const { probabilities: _, ...found } = concludeFully(learned, evidence, view);
  return found;
}

function concludeFully(
  learned: Learned,
  evidence: Evidence,
  view: View,
): Classified & { probabilities: Float64Array } {
  const { nodes, parents, judge, taxonomyVersion: taxonomy_version } = learned;
  const judgement = judge?.(evidence);
  const probabilities = judgement?.probabilities ?? new Float64Array(nodes.length);
  const all = new Float64Array(nodes.length + parents.length);
  all.set(probabilities);
  const weighed = weighTree([...nodes, ...parents], all, nodes.length).filter(({ node }) =>
    isShown(node, view),
  );
  const decision = decide(weighed, view.threshold);
  if (!decision || !judgement) {
    const reasoning = ['The taxonomy has fewer than two nodes to choose from.'];
    return { ...nothing, candidates: [], signals: [], reasoning, taxonomy_version, probabilities };
  }
  // A parent has no examples of its own to be explained by: what spoke for the likeliest below it is why.
  const best = weighed.find(({ own }) => own > 0)?.node ?? decision.node;
  const of = nodes.findIndex(({ id }) => id === best.id);
  const signals = (of < 0 ? [] : judgement.why(of)).filter(({ kind }) => !view.access || kind !== 'example');
  return {
    canonical: decision.node.path,
    node_id: decision.node.id,
    confidence: decision.confidence,
    hitl: decision.review,
    candidates: toCandidates(weighed, view.most),
    reasoning: reasonsFor(decision, best, signals, view.threshold),
    signals,
    taxonomy_version,
    probabilities,
  };
}

const nothing = { canonical: [] as string[], node_id: null, confidence: 0, hitl: true };

function toCandidates(weighed: readonly Weighed<NodeToLearn>[], most: number): Candidate[] {
  return weighed
    .filter(({ own }) => own > 0)
    .slice(0, most)
    .map(({ node, own }) => ({
      node_id: node.id,
      label: node.label,
      canonical_path: node.path,
      confidence: own,
    }));
}

/** A restricted key is shown its own branches; the probability of what it is not shown stays missing. */
function isShown({ id, path }: NodeToLearn, { access, shown }: View): boolean {
  if (shown && !shown.has(id)) return false;
  if (!access?.taxonomyPaths) return true;
  return isWithin({ taxonomyPaths: access.taxonomyPaths }, { collection: '', taxonomyPath: path });
}
