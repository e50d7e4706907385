import type { Judgements } from '../src/evaluation/measures.ts';
import type { Dataset, EvalPassage } from './dataset.ts';

/** Where a judged passage stands in its document. */
export interface Place {
  document: string;
  start: number;
  end: number;
}

export interface Joined {
  /** The same questions of longer documents, judged by document. */
  dataset: Dataset;
  /** By id of the passage that was joined. */
  places: Map<string, Place>;
}

/**
 * Passages whose ids agree in what the pattern's first group matches become one document, in their order: a way to
 * measure long documents by judgements of short ones. A title `Page > Section` makes the section a heading of the page; an
 * id that the pattern does not match stays a document of its own.
 */
export function joinPassages(dataset: Dataset, pattern: RegExp): Joined {
  const groups = new Map<string, EvalPassage[]>();
  for (const passage of dataset.corpus) {
    const id = pattern.exec(passage._id)?.[1] ?? passage._id;
    groups.set(id, [...(groups.get(id) ?? []), passage]);
  }
  const places = new Map<string, Place>();
  const corpus = [...groups].map(([id, passages]) => joined(id, passages, places));
  const queries = dataset.queries.map((query) => ({ ...query, judged: byDocument(query.judged, places) }));
  return { dataset: { ...dataset, corpus, queries }, places };
}

function joined(id: string, passages: readonly EvalPassage[], places: Map<string, Place>): EvalPassage {
  let text = '';
  for (const passage of passages) {
    const [, ...path] = passage.title.split(' > ');
    const heading = path.length === 0 ? '' : `${'#'.repeat(Math.min(path.length + 1, 6))} ${path.at(-1)}\n\n`;
    const start = text.length;
    text += `${heading}${passage.text.trim()}\n\n`;
    places.set(passage._id, { document: id, start, end: text.length - 2 });
  }
  return { _id: id, title: passages[0]?.title.split(' > ')[0] ?? '', text };
}

function byDocument(judged: Judgements, places: ReadonlyMap<string, Place>): Judgements {
  const result = new Map<string, number>();
  for (const [id, gain] of judged) {
    const document = places.get(id)?.document;
    if (document !== undefined) result.set(document, Math.max(gain, result.get(document) ?? 0));
  }
  return result;
}
