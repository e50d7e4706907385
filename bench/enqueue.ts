import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { waitFor } from '../test/support/wait-for.ts';
import { cpuSeconds, percentile, postInTurn, type Turn } from './load.ts';
import { openBench } from './setup.ts';

const usage = `DATABASE_URL=… REDIS_URL=… npm run bench enqueue [-- --json FILE] [--seconds 4] [--rounds 6] [--connections 16] [--log-level info]

Questions accepted (POST → 202) a second, and the 99th percentile of their time, beside a bare Express with the same insert and
the same job, in turns. The key is the admin key of the environment; no worker runs. Works in a database of its own and drops it.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '6' },
    connections: { type: 'string', default: '16' },
    'log-level': { type: 'string', default: 'info' },
    help: { type: 'boolean', default: false },
  },
});
const adminKey = 'the-admin-key-of-a-bench';
/** Compilers need some thousand requests. */
const warmUpSeconds = 8;
const ports = { product: '8771', bare: '8772' };

if (values.help || !process.env.DATABASE_URL || !process.env.REDIS_URL) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await main(process.env.DATABASE_URL);

async function main(serverUrl: string): Promise<void> {
  const bench = await openBench(serverUrl);
  const env = {
    ...bench.env,
    ...{
      ADMIN_API_KEY: adminKey,
      SECRET_KEY: 'the-secret-key-of-a-bench-is-long-enough',
      QUEUE_LIMIT: '10000000',
    },
    ...{ ENVIRONMENT: 'testing', HOST: '127.0.0.1', LOG_LEVEL: values['log-level'] },
  };
  const start = (entry: string, port: string) =>
    spawn(process.execPath, ['--import', 'tsx', entry], {
      ...{ cwd: fileURLToPath(new URL('..', import.meta.url)), env: { ...env, PORT: port } },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const children = {
    product: start('src/main.ts', ports.product),
    bare: start('bench/bare-api.ts', ports.bare),
  };
  try {
    const rounds = await measure(children);
    const { product, bare } = rounds;
    const result = {
      ...{ bench: 'enqueue', connections: Number(values.connections), product, bare },
      ...{
        rate_ratio: ratio(product.per_second, bare.per_second),
        p99_ratio: ratio(product.p99_ms, bare.p99_ms),
      },
    };
    console.table({ product, bare });
    console.log(`requests/s ${result.rate_ratio} × bare, p99 ${result.p99_ratio} ×`);
    if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    for (const child of Object.values(children)) child.kill('SIGTERM');
    await Promise.all(Object.values(children).map((child) => once(child, 'exit')));
    await bench.close();
  }
}

/** In turns, so that whatever else the machine does falls on both; the first turn of each only warms up. */
async function measure(children: Record<keyof typeof ports, ChildProcess>) {
  const turns: Record<keyof typeof ports, Turn[]> = { product: [], bare: [] };
  const cpu = { product: 0, bare: 0 };
  const agents = { product: newAgent(), bare: newAgent() };
  for (const name of ['product', 'bare'] as const)
    await waitFor(`${name} listens`, () =>
      fetch(`http://127.0.0.1:${ports[name]}/`).then(
        () => true,
        () => false,
      ),
    );
  for (let round = 0; round <= Number(values.rounds); round++)
    for (const name of ['product', 'bare'] as const) {
      const before = cpuSeconds(children[name]);
      const turn = await postInTurn({
        url: `http://127.0.0.1:${ports[name]}/api/v1/answers`,
        agent: agents[name],
        headers: { 'X-API-Key': adminKey },
        body: (n) => ({ question: `Who counts ship number ${n}?`, final_topk: 5 }),
        connections: Number(values.connections),
        seconds: round === 0 ? warmUpSeconds : Number(values.seconds),
      });
      if (round > 0) turns[name].push(turn);
      if (round > 0) cpu[name] += cpuSeconds(children[name]) - before;
    }
  for (const agent of Object.values(agents)) agent.destroy();
  return { product: summarise(turns.product, cpu.product), bare: summarise(turns.bare, cpu.bare) };
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Number(values.connections) });
}

/** The median turn's rate, and percentiles over the times of all turns. */
function summarise(turns: readonly Turn[], cpu: number) {
  const times = turns.flatMap((turn) => turn.times);
  return {
    per_second: percentile(
      turns.map(({ perSecond }) => perSecond),
      0.5,
    ),
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    requests: times.length,
    cpu_ms: Math.round((cpu / times.length) * 1e5) / 100,
  };
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 1000) / 1000;
}
