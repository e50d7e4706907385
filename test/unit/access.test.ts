import { describe, expect, it } from 'vitest';
import {
  type Access,
  homeCollection,
  isWithin,
  parseAccess,
  principalOf,
  refuseOutside,
} from '../../src/access.ts';

describe('parseAccess', () => {
  it.each<[string[], Access | undefined]>([
    [[], undefined],
    [['collection:a'], { collections: ['a'] }],
    [['collection:a', 'collection:b-2'], { collections: ['a', 'b-2'] }],
    [['taxonomy:HR/Leave', 'taxonomy:IT'], { taxonomyPaths: [['HR', 'Leave'], ['IT']] }],
    [['taxonomy:A~1B/~0/~01'], { taxonomyPaths: [['A/B', '~', '~1']] }],
    [['taxonomy:a:b'], { taxonomyPaths: [['a:b']] }],
    [['collection:a', 'taxonomy:HR'], { collections: ['a'], taxonomyPaths: [['HR']] }],
  ])('reads %j', (permissions, access) => {
    expect(parseAccess(permissions)).toEqual(access);
  });

  it.each(['', 'everything', 'collection', 'collection:', 'taxonomy:', 'taxonomy:a//b', 'role:a'])(
    'lets nothing through for %j, whatever stands beside it',
    (entry) => {
      const access = parseAccess(['collection:a', entry]);
      expect(access).toEqual({ collections: [], tools: [] });
      expect(isWithin(access, { collection: 'a', taxonomyPath: [] })).toBe(false);
    },
  );
});

describe('isWithin', () => {
  const access = { collections: ['a', 'b'], taxonomyPaths: [['HR', 'Leave'], ['IT']] };
  it.each<[string, string[], boolean]>([
    ['a', ['IT'], true],
    ['b', ['IT', 'Deep', 'Down'], true],
    ['a', ['HR', 'Leave'], true],
    ['a', ['HR'], false],
    ['a', ['HR', 'Leaves'], false],
    ['a', [], false],
    ['c', ['IT'], false],
  ])('%s %j: %s', (collection, taxonomyPath, within) => {
    expect(isWithin(access, { collection, taxonomyPath })).toBe(within);
    expect(isWithin(undefined, { collection, taxonomyPath })).toBe(true);
  });
});

it('refuses with the field and where it is', () => {
  const refuse = () =>
    refuseOutside({ collections: ['a'] }, { collection: 'b', taxonomyPath: [] }, '/items/3');
  expect(refuse).toThrow(
    expect.objectContaining({
      code: 'forbidden',
      errors: [expect.objectContaining({ pointer: '/items/3/collection' })],
    }),
  );
});

it('knows where a document goes that names no collection', () => {
  expect(homeCollection(undefined)).toBe('default');
  expect(homeCollection({ collections: ['a'] })).toBe('a');
  expect(homeCollection({ collections: ['a', 'b'] })).toBe('default');
  expect(homeCollection({ taxonomyPaths: [['x']] })).toBe('default');
});

it('shows admin keys what every key made, and others their own', () => {
  expect(principalOf({ id: 'k', scope: 'admin' })).toMatchObject({ keyId: 'k', all: true });
  expect(principalOf({ id: 'k', scope: 'write', access: { collections: ['a'] } })).toEqual({
    ...{ keyId: 'k', all: false, access: { collections: ['a'] } },
  });
});
