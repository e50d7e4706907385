import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSides, type Side } from '../support/access-sides.ts';
import { walk } from '../support/access-walk.ts';
import { startService, type TestService } from '../support/service.ts';

const calls = Number(process.env.ACCESS_CALLS ?? 2000);
const seed = Number(process.env.ACCESS_SEED ?? randomInt(1_000_000));

let service: TestService;
beforeAll(async () => {
  service = await startService({ WEBHOOK_PRIVATE_ADDRESSES: 'allow' });
});
afterAll(() => service.stop());

it('keys with nothing in common see nothing of each other, however often they look', async () => {
  process.stdout.write(`ACCESS_SEED=${seed} ACCESS_CALLS=${calls}\n`);
  const sides = await createSides(service);
  const countOwn = async ({ canary }: Side): Promise<number> => {
    const [row] = await service.sql.query<{ n: number }>(
      `select count(*)::int as n from documents where deleted_at is null and metadata->>'owner' = $1`,
      [canary],
    );
    return row?.n ?? 0;
  };
  const { calls: made } = await walk(sides, { calls, seed, countOwn });
  expect(made).toBe(calls * sides.length);
  for (const { client, frozen } of sides)
    for (const id of frozen)
      expect((await client.get(`/api/v1/documents/${id}`)).body).toMatchObject({
        status: 'ready',
        version: 1,
      });
}, 1_800_000);
