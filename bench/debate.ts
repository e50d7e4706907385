import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Behaviour, startGeminiStandIn } from '../test/support/gemini-stand-in.ts';
import { handbook } from '../test/support/handbook.ts';
import { type Client, createClient, type Json } from '../test/support/http.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { startStandalone } from '../workers/standalone.ts';
import { percentile } from './load.ts';

const usage = `npm run bench debate -- [--answers 5] [--hanging 3]

What an answer takes with debate_mode on, from its beginning in the worker to its end: with a model that takes one second a
call, and with one that never answers. On the embedded tier.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    answers: { type: 'string', default: '5' },
    hanging: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const standIn = await startGeminiStandIn();
  const folder = await mkdtemp(join(tmpdir(), 'dt-rag-bench-'));
  const service = await startStandalone({
    ...{ PORT: '0', LOG_LEVEL: 'silent', ENVIRONMENT: 'testing', DATA_DIR: folder },
    ...{ GEMINI_API_KEY: 'a-key', GEMINI_BASE_URL: standIn.url },
    // Every answer is to be a debate, and a model that hangs to be asked each time.
    ...{ ANSWER_CACHE_TTL_SECONDS: '0', LLM_BREAKER_SECONDS: '0' },
  });
  const client = createClient(service.url, service.adminKey);
  const question = 'What is the daily allowance for meals?';
  const measure = async (name: string, count: number, behaviour: Behaviour) => {
    standIn.script(() => behaviour);
    const taken: { seconds: number; debate: number; outcome: string }[] = [];
    for (let n = 0; n < count; n += 1) {
      const { total_time, queued_ms, debate, model } = await ended(client, '/api/v1/answers', { question });
      const seconds = total_time - queued_ms / 1000;
      taken.push({
        seconds,
        debate: debate.ms / 1000,
        outcome: `${debate.outcome}, ${debate.calls} calls, ${model}`,
      });
    }
    const of = (pick: (one: (typeof taken)[number]) => number) =>
      [50, 100].map((share) => percentile(taken.map(pick), share / 100).toFixed(2)).join(' / ');
    console.log(
      `${name}: debate ${of(({ debate }) => debate)} s, whole answer ${of(({ seconds }) => seconds)} s (median / most of ${count}); ${[...new Set(taken.map(({ outcome }) => outcome))].join('; ')}`,
    );
  };
  try {
    await ended(client, '/api/v1/ingestion-batches', { items: handbook });
    await client.post('/api/v1/search', { q: question });
    const set = { enabled: true, reason: 'a bench' };
    await client.put('/api/v1/admin/flags/debate_mode', set);
    await measure('one second a call', Number(values.answers), { delayMs: 1000 });
    await measure('never an answer', Number(values.hanging), 'hang');
    // Writes on and on, one word in two seconds: each call has begun in time and has to be cut off.
    await measure('a word every two seconds', 1, { dripMs: 2000 });
  } finally {
    await service.stop();
    await standIn.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What was posted, once it is over. */
async function ended(client: Client, path: string, body: Json): Promise<Json> {
  const { body: accepted } = await client.post(path, body);
  return waitFor(`${path} has ended`, async () => {
    const { body: now } = await client.get(`${path}/${accepted.id}`);
    return now.is_terminal && now;
  });
}
