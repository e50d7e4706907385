import { expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';

const lines: string[] = [];
const log = createLog('info', { write: (line: string) => void lines.push(line) });
const last = () => JSON.parse(lines.at(-1) ?? '');

it('lets no personal data into a line, wherever it stands, and keeps numbers as they are', () => {
  const cause = new Error('invalid input: "900101-1234567"');
  log.warn(
    {
      err: new Error('could not read 010-1234-5678', { cause }),
      jobId: '17',
      ms: 9001011234567,
      tags: [['kim@example.com']],
    },
    'failed for\n010-\n1234-5678',
  );
  expect(lines.at(-1)).not.toMatch(/1234567"|5678|kim/);
  expect(last()).toMatchObject({
    ...{ level: 40, msg: 'failed for\n[PHONE]', jobId: '17', ms: 9001011234567, tags: [['[EMAIL]']] },
    err: { type: 'Error', message: expect.stringContaining('[PHONE]') },
  });
});

it('leaves an ordinary line alone', () => {
  log.info({ requestId: '0b7b6b1e-1234-4234-8234-123456789012', ms: 12.5 }, 'request completed');
  expect(last()).toMatchObject({
    requestId: '0b7b6b1e-1234-4234-8234-123456789012',
    msg: 'request completed',
  });
});

it('finds personal data beside ids, times and numbers', () => {
  const id = '0b7b6b1e-1234-4234-8234-123456789012';
  log.info({ path: `/files/${id}/010-1234-5678`, id, ms: 12 }, 'read');
  expect(last()).toMatchObject({ path: `/files/${id}/[PHONE]`, id, ms: 12 });
});
