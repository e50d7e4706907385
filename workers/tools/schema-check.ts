import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';

/** Longest schema that is taken from a server, characters: compiling costs time by its length. */
const longestSchema = 20_000;
const kept = 500;

/** What is wrong with a value, in a sentence; null when nothing is. */
export type SchemaCheck = (value: unknown) => string | null;

export interface SchemaChecks {
  /**
   * The check of a schema; undefined for one that can't be checked: too long, invalid, or pointing elsewhere. Of a server's
   * schema patterns are left out, since a stranger's regular expression can keep a process busy for hours: it checks them
   * itself. The operator's own are kept.
   */
  of(schema: unknown, options?: { trusted?: boolean }): SchemaCheck | undefined;
}

export function createSchemaChecks(): SchemaChecks {
  const known = new LRUCache<string, { check: SchemaCheck | undefined }>({ max: kept });
  return {
    of(schema, { trusted = false } = {}) {
      const text = JSON.stringify(schema);
      if (text === undefined || text.length > longestSchema) return undefined;
      const key = `${trusted} ${text}`;
      const found = known.get(key) ?? { check: compile(JSON.parse(text), trusted) };
      known.set(key, found);
      return found.check;
    },
  };
}

const anyPattern = Object.assign(() => ({ test: () => true }), { code: 'anyPattern' });

function compile(schema: unknown, trusted: boolean): SchemaCheck | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  const { $schema: _dialect, $id: _id, ...plain } = schema as Record<string, unknown>;
  const ajv = new Ajv2020({
    ...{ strict: false, validateFormats: false, logger: false },
    ...(trusted ? {} : { code: { regExp: anyPattern } }),
  });
  try {
    const validate = ajv.compile(plain);
    return (value) => (validate(value) === true ? null : describe(validate));
  } catch {
    // It says nothing that could be held against a value: whoever asks is told that there is no check.
    return undefined;
  }
}

function describe({ errors }: ValidateFunction): string {
  const [first] = errors ?? [];
  return `${first?.instancePath || 'the whole'} ${first?.message ?? 'is not valid'}`;
}
