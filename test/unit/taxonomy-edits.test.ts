import { describe, expect, it } from 'vitest';
import { redirectStrangers } from '../../src/taxonomy/absent.ts';
import { applyDiff, changedPaths, diffOf } from '../../src/taxonomy/diff.ts';
import { applyEdit, type Edit } from '../../src/taxonomy/edits.ts';
import { leastBump, nextVersion } from '../../src/taxonomy/semver.ts';
import { emptyTaxonomy, pathOf, pathsOf, resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { validateTaxonomy } from '../../src/taxonomy/validate.ts';
import { createRandom } from '../chaos/random.ts';
import { editAtRandom } from '../support/random-edits.ts';

const limits = { depth: 6 };
const edited = (edits: Edit[], from: Taxonomy = emptyTaxonomy) =>
  edits.reduce((taxonomy, edit) => applyEdit(taxonomy, edit, limits), from);
const node = (id: string, parentId: string | null = null, label = id): Edit => ({
  ...{ kind: 'create', id, label, description: '', parentId },
});
const animals = () =>
  edited([node('animals'), node('cats', 'animals'), node('lions', 'cats'), node('plants')]);
const refused = (edit: Edit, from = animals()) => expect(() => edited([edit], from));

describe('an edit', () => {
  it('moves a branch with all below it', () => {
    const moved = edited([{ kind: 'move', id: 'cats', parentId: 'plants' }], animals());
    expect(pathOf(moved, 'lions')).toEqual(['plants', 'cats', 'lions']);
    expect(pathOf(animals(), 'lions'), 'what was given stays').toEqual(['animals', 'cats', 'lions']);
  });

  it('makes one of children of one name where branches are merged', () => {
    const twice = edited([node('plantcats', 'plants', 'cats'), node('ferns', 'plantcats')], animals());
    const merged = edited([{ kind: 'merge', id: 'plants', into: 'animals' }], twice);
    expect(Object.fromEntries(pathsOf(merged))).toEqual({
      animals: ['animals'],
      cats: ['animals', 'cats'],
      lions: ['animals', 'cats', 'lions'],
      ferns: ['animals', 'cats', 'ferns'],
    });
    expect([resolve(merged, 'plants'), resolve(merged, 'plantcats')]).toEqual(['animals', 'cats']);
  });

  it('splits a node into parts, of which the first stands for it', () => {
    const parts = ['big', 'small'].map((id) => ({ id, label: id, description: '' }));
    const split = edited([{ kind: 'split', id: 'cats', parts }], animals());
    expect([pathOf(split, 'lions'), pathOf(split, 'small'), resolve(split, 'cats')]).toEqual([
      ['animals', 'big', 'lions'],
      ['animals', 'small'],
      'big',
    ]);
  });

  it('gives the documents of what is deleted to its parent, to another node or to none', () => {
    const gone = (more: object) =>
      edited([{ kind: 'delete', id: 'cats', branch: false, ...more } as Edit], animals());
    expect(['cats', 'lions'].map((id) => resolve(gone({}), id))).toEqual(['animals', 'lions']);
    expect(resolve(gone({ reassignTo: 'plants' }), 'cats')).toBe('plants');
    expect(resolve(gone({ reassignTo: null, branch: true }), 'lions')).toBeUndefined();
  });

  it('keeps what stands for a concept when that goes, too', () => {
    const edits: Edit[] = [
      { kind: 'merge', id: 'lions', into: 'plants' },
      { kind: 'merge', id: 'plants', into: 'cats' },
    ];
    expect(resolve(edited(edits, animals()), 'lions')).toBe('cats');
  });

  it('is refused when the result would be no taxonomy', () => {
    refused({ kind: 'move', id: 'animals', parentId: 'lions' }).toThrow(/cycle/);
    refused({ kind: 'merge', id: 'animals', into: 'lions' }).toThrow(/cycle/);
    refused({ kind: 'add_parent', id: 'animals', parentId: 'lions' }).toThrow(/cycle/);
    refused({ kind: 'change', id: 'plants', label: 'animals' }).toThrow(/duplicate_path/);
    refused(node('other', 'nowhere')).toThrow(/no node nowhere/);
    const deep = edited([node('4', 'lions'), node('5', '4'), node('6', '5')], animals());
    refused(node('7', '6'), deep).toThrow(/too_deep/);
    refused({ kind: 'move', id: 'animals', parentId: 'plants' }, deep).toThrow(/too_deep/);
  });
});

it('finds every kind of problem in what no edit would have made', () => {
  const made = (id: string, more: object) => ({
    ...{ id, label: id, description: '', parentId: null, otherParents: [], splitFrom: null },
    ...more,
  });
  const nodes = [
    made('orphan', { parentId: 'nowhere' }),
    made('a', { parentId: 'b' }),
    made('b', { parentId: 'a' }),
    made('twin', { label: 'same' }),
    made('other twin', { label: 'same' }),
    made('blank', { label: ' ' }),
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => made(`${n}`, { parentId: n === 1 ? null : `${n - 1}` })),
    made('round', { otherParents: ['round'] }),
  ];
  const broken: Taxonomy = {
    nodes: new Map(nodes.map((each) => [each.id, each])),
    redirects: new Map([['gone', { nodeId: 'nowhere', kind: 'merged' }]]),
  };
  const found = validateTaxonomy(broken, limits).map(({ kind, node_id }) => `${kind} ${node_id}`);
  expect(found.sort()).toEqual([
    ...['bad_label blank', 'bad_redirect gone', 'cycle a', 'cycle b', 'cycle round'],
    ...['duplicate_path other twin', 'orphan orphan', 'too_deep 7'],
  ]);
});

it('stands for concepts of other versions: what they were split from, else the nearest ancestor', () => {
  const strangers = [
    { id: 'kittens', parentId: 'house cats', splitFrom: null },
    { id: 'house cats', parentId: 'animals', splitFrom: 'cats' },
    { id: 'moss', parentId: 'low plants', splitFrom: null },
    { id: 'low plants', parentId: 'plants', splitFrom: null },
    { id: 'stones', parentId: null, splitFrom: null },
  ];
  const found = [...redirectStrangers(animals(), strangers)].map(([id, { nodeId }]) => [id, nodeId]);
  expect(Object.fromEntries(found)).toEqual({
    ...{ kittens: 'cats', 'house cats': 'cats', moss: 'plants', 'low plants': 'plants', stones: null },
  });
});

it('counts versions as semver does', () => {
  const bump = (edit: Edit) => leastBump(diffOf(animals(), edited([edit], animals())));
  expect(bump({ kind: 'change', id: 'cats', description: 'they purr' })).toBe('patch');
  expect(bump({ kind: 'change', id: 'cats', label: 'felines' })).toBe('minor');
  expect(bump({ kind: 'merge', id: 'cats', into: 'plants' })).toBe('major');
  expect(nextVersion(['1.9.0', '1.10.2', '1.2.0'], 'minor')).toBe('1.11.0');
  expect(nextVersion(['1.9.0', '2.0.0'], 'patch')).toBe('2.0.1');
});

describe('10,000 random edits', () => {
  it('leave a valid graph each time, whose diffs lead from any version to any other', () => {
    const random = createRandom(8);
    const versions: Taxonomy[] = [emptyTaxonomy];
    let [taxonomy, refusals, made] = [emptyTaxonomy, 0, 0];
    for (let n = 0; n < 10_000; n++) {
      const edit = editAtRandom(taxonomy, random, () => `n${made++}`);
      try {
        const next = applyEdit(taxonomy, edit, limits);
        expect(validateTaxonomy(next, limits)).toEqual([]);
        if (n % 20 === 0) expect(applyDiff(taxonomy, diffOf(taxonomy, next))).toEqual(next);
        // Nothing that was ever there is forgotten: it is a node, or something says what became of it.
        const forgotten = [...taxonomy.nodes.keys()].filter(
          (id) => !next.nodes.has(id) && !next.redirects.has(id),
        );
        expect(forgotten).toEqual([]);
        taxonomy = next;
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(conflict|not_found)$/) });
        refusals++;
      }
      if (n % 1000 === 0) versions.push(taxonomy);
      // A rollback: the next edits go on from there.
      if (random.int(700) === 0) taxonomy = random.pick(versions);
    }
    expect(refusals).toBeLessThan(6000);
    for (const a of versions)
      for (const b of versions) {
        const again = applyDiff(a, diffOf(a, b));
        expect([again.nodes, again.redirects]).toEqual([b.nodes, b.redirects]);
        expect(changedPaths(again, b)).toEqual([]);
      }
  });
});
