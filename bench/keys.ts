import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateKey, readKey } from '../src/keys.ts';
import { launch } from '../test/support/process.ts';

const usage = `npm run bench keys [-- --rounds 30] [--seconds 0.5] [--wrong 100] [--json FILE]

What a right key waits while wrong ones come at --wrong a second from the same address (mistyped, of unknown ids, with its own id,
of the earlier form), as a ratio to quiet stretches in between, beside stretches in which as many requests of the admin key come:
what any requests cost on this machine. And what the check of a key costs, as a ratio to the admin key of the environment, which has
no limits. Stretches are short and by turns, so that other work on the machine meets them all. Starts the embedded service on loopback, in a directory of its own.`;

const path = '/api/v1/operations/00000000-0000-4000-8000-000000000000';

interface Target {
  url: string;
  agent: Agent;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '30' },
      seconds: { type: 'string', default: '0.5' },
      wrong: { type: 'string', default: '100' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'dt-rag-bench-'));
  const adminKey = generateKey('testing');
  const service = launch('workers/start.ts', { DATA_DIR: dataDir, PORT: '0', ADMIN_API_KEY: adminKey });
  const target = { url: '', agent: new Agent({ keepAlive: true }) };
  try {
    target.url = await service.says(/ready: (http:\S+)\/docs/);
    const right = await createKey(target.url, adminKey);
    const rounds = Number(values.rounds);
    const ms = Number(values.seconds) * 1000;
    const result = {
      bench: 'keys',
      check: await measureCheck(target, { right, adminKey }, rounds, ms),
      attack: await measureAttack(
        target,
        { right, adminKey },
        { rounds, ms, perSecond: Number(values.wrong) },
      ),
    };
    console.table(result.check);
    console.table(result.attack);
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    target.agent.destroy();
    await service.kill('SIGTERM');
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function createKey(url: string, adminKey: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/admin/api-keys`, {
    method: 'POST',
    headers: { 'X-API-Key': adminKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'bench', scope: 'read', rate_limit: 1_000_000, burst: 100_000 }),
  });
  const { api_key: key } = (await response.json()) as { api_key: string };
  return key;
}

/** A request a time, back to back, by turns with each key. */
async function measureCheck(
  target: Target,
  { right, adminKey }: { right: string; adminKey: string },
  rounds: number,
  ms: number,
) {
  const times: Record<'admin key' | 'key', number[]> = { 'admin key': [], key: [] };
  await askFor(target, right, 1000);
  for (let round = 0; round < rounds; round++) {
    times['admin key'].push(...(await askFor(target, adminKey, ms / 2)));
    times.key.push(...(await askFor(target, right, ms / 2)));
  }
  return compare(times, 'admin key');
}

async function measureAttack(
  target: Target,
  { right, adminKey }: { right: string; adminKey: string },
  { rounds, ms, perSecond }: { rounds: number; ms: number; perSecond: number },
) {
  const times: Record<'quiet' | 'other requests' | 'wrong keys', number[]> = {
    quiet: [],
    'other requests': [],
    'wrong keys': [],
  };
  const wrong = wrongKeysBeside(right);
  const sent = { right: {}, wrong: {} };
  for (let round = 0; round < rounds; round++) {
    times.quiet.push(...(await askFor(target, right, ms)));
    const others = send(target, () => adminKey, perSecond, sent.right);
    times['other requests'].push(...(await askFor(target, right, ms)));
    await others();
    const attack = send(target, wrong, perSecond, sent.wrong);
    times['wrong keys'].push(...(await askFor(target, right, ms)));
    await attack();
  }
  console.log(`what came beside, by status: ${JSON.stringify(sent)}`);
  return compare(times, 'quiet');
}

/** Milliseconds of each request until the time is over. */
async function askFor(target: Target, key: string, ms: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const startedAt = performance.now();
    const status = await ask(target, key);
    if (status !== 404) throw new Error(`the right key got ${status}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Wrong keys of four kinds, in turn. */
function wrongKeysBeside(right: string): () => string {
  const claimed = readKey(right);
  const id = 'id' in claimed ? claimed.id : undefined;
  const kinds = [
    () => `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`,
    () => generateKey('development'),
    () => generateKey('development', id),
    () => `dtr_deve_${generateKey('development').slice(32, 75)}`,
  ];
  let count = 0;
  return () => (kinds[count++ % kinds.length] as () => string)();
}

/** Sends requests at an even pace, whether or not earlier ones were answered. */
function send(target: Target, key: () => string, perSecond: number, sent: Record<number, number>) {
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  let count = 0;
  const timer = setInterval(() => {
    for (; count < ((performance.now() - startedAt) / 1000) * perSecond; count++) {
      const one: Promise<void> = ask(target, key()).then((status) => {
        sent[status] = (sent[status] ?? 0) + 1;
        pending.delete(one);
      });
      pending.add(one);
    }
  }, 5);
  return async () => {
    clearInterval(timer);
    await Promise.all(pending);
  };
}

function ask({ url, agent }: Target, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { agent, headers: { 'X-API-Key': key } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode as number));
    });
    asked.once('error', reject);
    asked.end();
  });
}

function compare<Name extends string>(times: Record<Name, number[]>, base: NoInfer<Name>) {
  const at = (all: number[], share: number) => all[Math.floor(share * (all.length - 1))] as number;
  const sorted = (name: Name) => [...times[name]].sort((a, b) => a - b);
  const reference = sorted(base);
  const rounded = (value: number) => Math.round(value * 1000) / 1000;
  return (Object.keys(times) as Name[]).map((name) => {
    const all = sorted(name);
    const columns = Object.entries({ p50: 0.5, p95: 0.95, p99: 0.99 }).flatMap(([label, share]) => [
      [`${label} ms`, rounded(at(all, share))],
      [`${label} ratio`, rounded(at(all, share) / at(reference, share))],
    ]);
    return { stretch: name, requests: all.length, ...Object.fromEntries(columns) };
  });
}

await main();
