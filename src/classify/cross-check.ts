import type { Candidate, Classified } from './classification.ts';

/** What a language model said when it was asked which of the candidates a document belongs to. */
export interface ModelCheck {
  model: string;
  /** Digest of all that it was shown: the same is not asked twice. */
  asked: string;
  /** null: none of them. */
  node_id: string | null;
  /** In its own words. */
  reason: string;
}

export interface Witness {
  check: ModelCheck;
  /** Share of its choices that are right, between 0 and 1. */
  accuracy: number;
}

interface View {
  threshold: number;
  /** Probability of a node of which nothing is known: 1 / nodes. */
  chance: number;
}

/** Who is no further than this on the way from chance to certainty has no opinion. */
const noOpinion = 0.1;

/**
 * The choice of a model, taken for a witness independent of words and meaning whose errors fall on every other option alike
 * (Dawid & Skene 1979): its log odds, log(a (K − 1) / (1 − a)) for an accuracy `a` among K options, are added to those of the
 * chosen node. Who agrees makes the likeliest node surer, where the classifier has no opinion the model's choice stands alone with
 * the sum, and where they disagree, or the model finds none that fits, a person decides, both shown.
 */
export function crossCheck<Found extends Classified>(
  found: Found,
  { check, accuracy }: Witness,
  { threshold, chance }: View,
): Found {
  const [best] = found.candidates;
  const chosen = found.candidates.find(({ node_id }) => node_id === check.node_id);
  // What it chose once may be no candidate any more.
  if (!best || (check.node_id !== null && !chosen)) return found;
  const weight = Math.log((accuracy * found.candidates.length) / (1 - accuracy));
  const detail = (said: string) => `${check.model} ${said}${check.reason === '' ? '' : `: ${check.reason}`}`;
  if (!chosen) {
    const said = `The language model finds none of the candidates fitting: ${nameOf(best)} is for a person to confirm.`;
    return review(found, best, said, { kind: 'model', detail: detail('chose none'), weight: -weight });
  }
  const signal = { kind: 'model', detail: detail(`chose ${nameOf(chosen)}`), weight } as const;
  const candidates = raise(found.candidates, chosen, weight);
  const after = { ...found, candidates, signals: [signal, ...found.signals] };
  const { confidence } = candidates.find(({ node_id }) => node_id === chosen.node_id) as Candidate;
  const alone = best.confidence <= chance + noOpinion * (1 - chance);
  // What is assigned to a parent of both says nothing against the model.
  const within = !found.hitl && found.canonical.every((label, i) => chosen.canonical_path[i] === label);
  if (chosen !== best && !alone && !within) {
    const said = `The language model disagrees: it chose ${nameOf(chosen)}, words and meaning ${nameOf(best)}.`;
    return review({ ...found, candidates }, candidates[0] ?? best, said, signal);
  }
  const who = alone ? 'The language model alone chose' : 'The language model agrees on';
  if (confidence < threshold)
    return { ...after, reasoning: [...found.reasoning, `${who} ${nameOf(chosen)}, still too unsure.`] };
  return {
    ...after,
    canonical: chosen.canonical_path,
    node_id: chosen.node_id,
    confidence,
    hitl: false,
    reasoning: [
      `${who} ${nameOf(chosen)} (${confidence.toFixed(2)} with it, ${chosen.confidence.toFixed(2)} without; the threshold is ${threshold.toFixed(2)}).`,
      ...found.reasoning,
    ],
  };
}

/**
 * Accuracy of a model by what reviewers decided, drawn towards 8 of 10 as if it had been seen so ten times. Reviewers see what was
 * unsure or disagreed upon, so this is rather too low than too high.
 */
export function accuracyOf({ right, judged }: { right: number; judged: number }): number {
  return Math.min(0.97, Math.max(0.4, (8 + right) / (10 + judged)));
}

function raise(candidates: readonly Candidate[], { node_id, confidence }: Candidate, weight: number) {
  const factor = Math.exp(weight);
  const all = confidence * factor + (1 - confidence);
  return candidates
    .map((one) => ({ ...one, confidence: (one.confidence * (one.node_id === node_id ? factor : 1)) / all }))
    .sort((a, b) => b.confidence - a.confidence);
}

function review<Found extends Classified>(
  found: Found,
  { node_id, canonical_path, confidence }: Candidate,
  said: string,
  signal: Classified['signals'][number],
): Found {
  return {
    ...found,
    ...{ node_id, canonical: canonical_path, confidence, hitl: true },
    signals: [signal, ...found.signals],
    reasoning: [said, ...found.reasoning],
  };
}

function nameOf({ canonical_path }: Candidate): string {
  return JSON.stringify(canonical_path.join(' / '));
}
