import { describe, expect, it } from 'vitest';
import { applyEdit, type Edit } from '../../src/taxonomy/edits.ts';
import { fileFormats, readFile, writeFile } from '../../src/taxonomy/file-formats.ts';
import { importNodes } from '../../src/taxonomy/import.ts';
import { emptyTaxonomy, pathsOf, resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { createRandom } from '../chaos/random.ts';
import { editAtRandom } from '../support/random-edits.ts';

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const edits: Edit[] = [
  { kind: 'create', id: id(1), label: 'A/B ~ "c", d', description: 'Two\nlines; "quoted"', parentId: null },
  { kind: 'create', id: id(2), label: '휴가', description: '', parentId: id(1) },
  { kind: 'create', id: id(3), label: 'Other', description: '', parentId: null },
  { kind: 'add_parent', id: id(2), parentId: id(3) },
];
const limits = { depth: 20 };
const taxonomy = edits.reduce<Taxonomy>((made, edit) => applyEdit(made, edit, limits), emptyTaxonomy);
const newIds = () => {
  let n = 0;
  return () => `new ${n++}`;
};
const idOf = (n: number, more: number) => `00000000-0000-4000-${8000 + n}-${`${more}`.padStart(12, '0')}`;
const tryEdit = (made: Taxonomy, edit: Edit): Taxonomy => {
  try {
    return applyEdit(made, edit, limits);
  } catch {
    return made;
  }
};
const paths = (made: Taxonomy) => [...pathsOf(made).values()].map((path) => path.join(' > ')).sort();

describe.each(fileFormats)('a file of %s', (format) => {
  const bring = (content: string, into: Taxonomy, replace = false) =>
    importNodes(into, readFile(content, format), { replace, newId: newIds() });

  it('gives the same version back, in a taxonomy that knows nothing of it and in its own', () => {
    const content = writeFile(taxonomy, format);
    expect(bring(content, emptyTaxonomy).nodes).toEqual(taxonomy.nodes);
    expect(bring(content, taxonomy, true)).toEqual(taxonomy);
  });

  it('comes back from an empty taxonomy to the byte, whatever was edited before', () => {
    const random = createRandom(8);
    for (let made = emptyTaxonomy, n = 0; n < 300; n++) {
      made = tryEdit(
        made,
        editAtRandom(made, random, () => idOf(n, random.int(1e9))),
      );
      if (n % 10 > 0) continue;
      const content = writeFile(made, format);
      const again = bring(content, emptyTaxonomy);
      expect(paths(again)).toEqual(paths(made));
      expect(writeFile(again, format)).toBe(content);
    }
  });

  it('takes away what it does not have, only when told to', () => {
    const more = applyEdit(
      taxonomy,
      { kind: 'create', id: id(4), label: 'More', description: '', parentId: id(2) },
      limits,
    );
    const content = writeFile(taxonomy, format);
    expect(bring(content, more).nodes).toEqual(more.nodes);
    const replaced = bring(content, more, true);
    expect(replaced.nodes).toEqual(taxonomy.nodes);
    expect(resolve(replaced, id(4))).toBe(id(2));
  });

  it('is refused where it can’t be read', () => {
    expect(() => readFile('{"nodes": [<', format)).toThrow(/content/);
  });
});

it('takes files of others: paths alone, with what leads to them', () => {
  const made = importNodes(taxonomy, readFile('path\nOther/Deep/Down\nOther\n', 'csv'), {
    ...{ replace: true, newId: newIds() },
  });
  expect(paths(made)).toEqual(['Other', 'Other > Deep', 'Other > Deep > Down']);
  expect(made.nodes.has(id(3)), 'a path that is there is the node that it was').toBe(true);
});

it('takes concepts of others: narrower for broader, labels without ids', () => {
  const turtle = `@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix : <http://example.org/> .
    :animals a skos:Concept ; skos:prefLabel "Animals"@en ; skos:narrower :cats .
    :cats a skos:Concept ; skos:prefLabel "Cats"@en ; skos:definition "They purr." .`;
  const made = importNodes(emptyTaxonomy, readFile(turtle, 'skos'), { replace: false, newId: newIds() });
  expect(paths(made)).toEqual(['Animals', 'Animals > Cats']);
  expect([...made.nodes.values()].map(({ description }) => description)).toEqual(['', 'They purr.']);
  expect(() => readFile(turtle.replace('"They purr."', '"x" ; skos:narrower :animals'), 'skos')).toThrow(
    /broader than itself/,
  );
});

it('names what is there twice', () => {
  const twice = JSON.stringify({ nodes: [{ path: ['A'] }, { path: ['A'], description: 'again' }] });
  const nodes = readFile(twice, 'json');
  expect(() => importNodes(emptyTaxonomy, nodes, { replace: false, newId: newIds() })).toThrow(/twice/);
});
