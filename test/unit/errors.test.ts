import { describe, expect, it } from 'vitest';
import { AppError, asAppError, type ErrorCode, errorTable, summarise } from '../../src/errors.ts';

describe('the table of errors', () => {
  it('has an HTTP error status and a title for every code', () => {
    for (const [code, { status, title }] of Object.entries(errorTable)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect(title).toMatch(/^[A-Z]/);
    }
  });

  it('lets callers try again only where that can help', () => {
    const codes = Object.keys(errorTable) as ErrorCode[];
    const retryable = codes.filter((code) => errorTable[code].retry);
    for (const code of retryable) expect([409, 429, 500, 502, 503]).toContain(errorTable[code].status);
    for (const code of codes.filter((code) => errorTable[code].status === 422))
      expect(retryable).not.toContain(code);
  });
});

describe('AppError', () => {
  it('knows status and retryability by its code', () => {
    const cause = new Error('ECONNREFUSED 10.0.0.1');
    const error = new AppError('database_unavailable', 'The database does not answer.', {
      cause,
      retryAfter: 5,
    });
    expect(error).toMatchObject({ status: 503, retryable: true, retryAfter: 5, cause, name: 'AppError' });
    expect(summarise(error)).toEqual({
      code: 'database_unavailable',
      detail: 'The database does not answer.',
      retryable: true,
    });
  });

  it('tells nothing of what was not foreseen', () => {
    const secret = new Error('select * from api_keys where password = 1');
    expect(asAppError(secret)).toMatchObject({ code: 'internal', status: 500, cause: secret });
    for (const thrown of [secret, 'text', undefined, null, { code: 'not_found' }]) {
      const { code, detail } = summarise(thrown);
      expect(code).toBe('internal');
      expect(detail).toBe('An unexpected error occurred.');
    }
  });

  it('stays as it is', () => {
    const error = new AppError('not_found', 'There is no such thing.');
    expect(asAppError(error)).toBe(error);
  });
});
