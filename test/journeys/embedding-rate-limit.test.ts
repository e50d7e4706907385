import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { addDocument, startService, type TestService } from '../support/service.ts';

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
  const document = await addDocument(service.admin, { text: 'The lighthouse keeper counts ships.' });
  expect(document.status).toBe('ready');
  // More refusals than the job has attempts: had each cost one, the document would have failed.
  expect(refused).toBeGreaterThan(refusals);
});
