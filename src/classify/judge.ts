import type { Classifier } from './classifier.ts';
import { explain, type Signal } from './explain.ts';
import type { Item } from './item.ts';
import { softmax } from './linear.ts';
import { type RuleMatch, type Rules, ruleEvidence } from './rules.ts';

/** A labelled example that a text is compared with. */
export interface KnownExample {
  item: Item;
  of: number;
  title: string;
}

export interface Evidence {
  text: string;
  item: Item;
}

/** Probabilities of the classes, and why any of them. */
export interface Judgement {
  probabilities: Float64Array;
  why: (of: number) => Signal[];
}

/** From this cosine on, of vectors that can be read or of words, two texts say the same. */
const twinFrom = 0.97;
/** How much a text that says the same is to be believed. */
const twinConfidence = 0.97;

/** Learned probabilities, moved by the rules that hold and by an example that says the same. */
export function createJudge(
  classifier: Classifier,
  nodes: readonly string[],
  rules: Rules,
  examples: readonly KnownExample[],
): (evidence: Evidence) => Judgement {
  const classOf = new Map(nodes.map((node, of) => [node, of]));
  return ({ text, item }) => {
    const matches = strongestOf(rules(text)).flatMap((match) => {
      const of = classOf.get(match.node);
      return of === undefined
        ? []
        : [{ match, of, evidence: ruleEvidence(match.rule.confidence, nodes.length) }];
    });
    const twin = findTwin(item, examples);
    const twinEvidence = ruleEvidence(twinConfidence, nodes.length);
    const scores = classifier.classify(item).map((probability) => Math.log(Math.max(probability, 1e-12)));
    for (const { of, evidence } of matches) scores[of] = (scores[of] as number) + evidence;
    if (twin) scores[twin.of] = (scores[twin.of] as number) + twinEvidence;
    return {
      probabilities: softmax(scores),
      why: (of) =>
        explain(
          classifier,
          item,
          of,
          matches.filter((match) => match.of === of),
          twin?.of === of ? { ...twin, evidence: twinEvidence } : undefined,
        ),
    };
  };
}

/** Of each node only the rule that is believed most: keywords of one node are no independent witnesses. */
function strongestOf(matches: readonly RuleMatch[]): RuleMatch[] {
  const best = new Map<string, RuleMatch>();
  for (const match of matches) {
    const known = best.get(match.node);
    if (!known || known.rule.confidence < match.rule.confidence) best.set(match.node, match);
  }
  return [...best.values()];
}

function findTwin(item: Item, examples: readonly KnownExample[]) {
  let best: { of: number; title: string; similarity: number } | undefined;
  for (const { item: other, of, title } of examples) {
    const similarity = similarityOf(item, other);
    // The later of two equals: a correction is younger than what it corrects.
    if (similarity >= (best?.similarity ?? twinFrom)) best = { of, title, similarity };
  }
  return best;
}

function similarityOf(a: Item, b: Item): number {
  if (a.vector && b.vector && a.readable > 0.5 && b.readable > 0.5) return dot(a.vector, b.vector);
  return wordCosine(a.words, b.words);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function wordCosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  // Texts of very different length can't say the same; looking at that first spares nearly all of the work.
  if (a.size === 0 || Math.abs(a.size - b.size) > 0.1 * a.size) return 0;
  let both = 0;
  for (const [word, count] of a) both += count * (b.get(word) ?? 0);
  return both / Math.sqrt(square(a) * square(b));
}

function square(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count * count;
  return sum;
}
