import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { z } from 'zod';
import { environmentShape } from '../../src/config.ts';
import { flagKeys, flagList } from '../../src/flags.ts';
import { workerEnvironmentShape } from '../../workers/config.ts';

/** `.env.example` is what the schemas say; after a change: `npx vitest run test/unit/env-example.test.ts -u`. */
it('describes every variable as the schemas have it', async () => {
  const lines = [
    '# Copy to .env, which every process reads at its start; the environment itself wins. Empty means unset: the default.',
    '',
    '# Every process',
    ...describe(environmentShape),
    '# Workers',
    ...describe(workerEnvironmentShape),
    '# Feature flags: true or false; a stored value (PUT /api/v1/admin/flags/KEY) wins over them',
    ...flagKeys.map((key) => `#FEATURE_${key.toUpperCase()}=${flagList[key].default}`),
    '',
  ];
  await expect(lines.join('\n')).toMatchFileSnapshot(
    fileURLToPath(new URL('../../.env.example', import.meta.url)),
  );
});

function describe(shape: Record<string, z.ZodType>): string[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    expect(schema.description, name).toBeTruthy();
    const fallback = schema.safeParse(undefined);
    const value = fallback.success && fallback.data !== undefined ? String(fallback.data) : '';
    return [`# ${schema.description}`, `#${name}=${value}`, ''];
  });
}
