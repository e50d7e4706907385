import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { ended, startService, type TestService } from '../support/service.ts';

let standIn: GeminiStandIn;
let service: TestService;

beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    EMBEDDING_PROVIDER: 'gemini',
    GEMINI_API_KEY: 'a-key-of-the-stand-in',
    GEMINI_BASE_URL: standIn.url,
  });
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});

it('waits for a provider that is over its limit without losing attempts', async () => {
  const attempts = 8;
  const refusals = attempts + 2;
  let refused = 0;
  standIn.script(() => (refused++ < refusals ? { error: 429, retryDelay: '1s' } : undefined));
  const { body } = await service.admin.post('/api/v1/documents', {
    text: 'The lighthouse keeper counts ships.',
  });
  // With Redis a worker may take up to 5 s more to look again after each wait.
  const document = await ended(service.admin, body.links.self, 100_000);
  expect(document.status).toBe('ready');
  // More refusals than the job has attempts: had each cost one, the document would have failed.
  expect(refused).toBeGreaterThan(refusals);
}, 240_000);
