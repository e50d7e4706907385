import type { Classifier } from './classifier.ts';
import type { Item } from './item.ts';
import type { RuleMatch } from './rules.ts';

/** What spoke for a node, in words that the log odds are made of. */
export interface Signal {
  kind: 'rule' | 'example' | 'meaning' | 'words' | 'model';
  /** A sentence for people. */
  detail: string;
  /** Share of the score by which the node leads the mean of all; rules and examples: what they add to the log odds. */
  weight: number;
}

/** Why a class: the rules for it, the example nearest to the text, and how far each leg puts it before the mean of all. */
export function explain(
  { legs, weights }: Classifier,
  item: Item,
  of: number,
  matches: readonly { match: RuleMatch; evidence: number }[],
  twin: { title: string; similarity: number; evidence: number } | undefined,
): Signal[] {
  const signals: Signal[] = matches.map(({ match: { rule }, evidence }) => ({
    kind: 'rule',
    detail: `${rule.kind} "${rule.value}" stands in the text`,
    weight: evidence,
  }));
  if (twin)
    signals.push({
      kind: 'example',
      detail: `a labelled example says the same: "${twin.title}" (similarity ${twin.similarity.toFixed(2)})`,
      weight: twin.evidence,
    });
  const meaning = lead(legs.meaning(item), of) * weights.meaning;
  if (item.vector && item.readable > 0.05 && Math.abs(meaning) > 0.01)
    signals.push({
      kind: 'meaning',
      detail: `meaning ${meaning > 0 ? 'close to' : 'far from'} the examples of the node`,
      weight: meaning,
    });
  const byWords = lead(legs.words.score(item), of) * weights.words;
  const strongest = legs.words.strongest(item, of, 5).map(({ word }) => word);
  if (strongest.length > 0 && Math.abs(byWords) > 0.01)
    signals.push({ kind: 'words', detail: `words of the node: ${strongest.join(', ')}`, weight: byWords });
  return signals.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}

/** How far a score lies above the mean of all. */
function lead(scores: Float64Array, of: number): number {
  return (scores[of] as number) - scores.reduce((a, b) => a + b, 0) / (scores.length || 1);
}
