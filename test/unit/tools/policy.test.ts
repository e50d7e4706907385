import { describe, expect, it } from 'vitest';
import { parseAccess } from '../../../src/access.ts';
import { breaksRule, decide, readAllowList, readRules } from '../../../workers/tools/policy.ts';
import { createSchemaChecks } from '../../../workers/tools/schema-check.ts';

const installed = (list: string, production: boolean) => ({
  production,
  allowList: readAllowList(list) ?? [],
});
const may = (tool: string, policyOn: boolean, list: string, production: boolean, scope = 'read' as const) =>
  decide(tool, policyOn, { scope }, installed(list, production)).allowed;

describe('the policy of tools', () => {
  it.each([
    // tool, policy, list, production → allowed
    ['web.weather', true, '', true, false],
    ['builtin.now', true, '', true, false],
    ['builtin.now', true, 'builtin.now', true, true],
    ['builtin.now', true, 'web.*', true, false],
    ['web.weather', true, 'web.weather', true, true],
    ['web.weather', true, 'web.*', true, true],
    ['webber.weather', true, 'web.*', true, false],
    ['web.weather', true, 'web.weath', true, false],
    ['web.weather', true, '', false, false],
    ['builtin.now', true, '', false, true],
    ['web.weather', false, '', false, false],
    ['web.weather', false, 'web.weather', false, true],
    ['builtin.now', false, '', false, true],
    ['builtin.now', false, '', true, true],
    ['web.weather', false, 'web.weather', true, false],
  ])('%s, policy on: %s, list "%s", production: %s → %s', (tool, policyOn, list, production, allowed) => {
    expect(may(tool, policyOn, list, production)).toBe(allowed);
  });

  it('goes by the scope of the key', () => {
    const ask = (scope: 'read' | 'write' | 'admin') =>
      decide('web.weather', true, { scope }, installed('web.weather@write', true));
    expect(ask('read')).toEqual({ allowed: false, reason: 'scope' });
    expect(ask('write')).toEqual({ allowed: true, reason: 'listed' });
    expect(ask('admin').allowed).toBe(true);
  });

  it('never gives a restricted key a tool that it is not restricted to', () => {
    const access = parseAccess(['tool:web.*', 'collection:a']);
    expect(access).toEqual({ collections: ['a'], tools: ['web.*'] });
    const ask = (tool: string, policyOn: boolean) =>
      decide(tool, policyOn, { scope: 'read', access }, installed('*', false));
    expect(ask('builtin.now', false)).toEqual({ allowed: false, reason: 'key' });
    expect(ask('web.weather', true)).toEqual({ allowed: true, reason: 'listed' });
    expect(parseAccess(['tool:nonsense'])?.tools).toEqual([]);
  });

  it.each(['web', 'web.weather@owner', 'web.weather@read@write', 'a b.c', '*.weather'])(
    'refuses the list %s',
    (list) => {
      expect(readAllowList(list)).toBeUndefined();
    },
  );
});

describe('rules for arguments', () => {
  const checks = createSchemaChecks();
  const rules = readRules(
    JSON.stringify({
      'web.*': { max_length: 20, deny: ['passw(or)?d', '\\bsecret'] },
      'web.weather': { schema: { properties: { city: { enum: ['Busan', 'Seoul'] } } } },
    }),
  );
  const breaks = (tool: string, given: Record<string, unknown>) => breaksRule(tool, given, rules, checks);

  it('hold for every text in them, however deep', () => {
    expect(breaks('web.other', { q: 'short' })).toBe(false);
    expect(breaks('web.other', { q: 'x'.repeat(21) })).toBe(true);
    expect(breaks('web.other', { q: [{ inner: 'my PASSWORD' }] })).toBe(true);
    expect(breaks('web.other', { secret: 1 })).toBe(true);
    expect(breaks('files.read', { q: 'my password is very long indeed' })).toBe(false);
  });

  it('may narrow the schema', () => {
    expect(breaks('web.weather', { city: 'Busan' })).toBe(false);
    expect(breaks('web.weather', { city: 'Paris' })).toBe(true);
  });

  it('are refused where they can not be kept', () => {
    expect(() => readRules('{"web.*": {"deny": ["("]}}')).toThrow('regular expression');
    expect(() => readRules('{"web.*": {"denny": []}}')).toThrow();
  });
});
