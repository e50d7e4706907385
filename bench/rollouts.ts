import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { handbook } from '../test/support/handbook.ts';
import { type Client, createClient } from '../test/support/http.ts';
import { llmStandIns } from '../test/support/llm-stand-in.ts';
import { openDrill } from '../test/support/rollout-drill.ts';
import { openSql } from '../test/support/sql.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { startStandalone } from '../workers/standalone.ts';
import {
  askForMany,
  bad,
  drillBad,
  drillHealthy,
  flag,
  type Line,
  percent,
  rounded,
} from './rollout-drills.ts';

const usage = `npm run bench rollouts -- [--healthy 10] [--exposures 40] [--bad slow,wrong,late,seldom] [--callers 20000] [--json FILE]

The drill: rollouts of a flag to a tenth of the callers, one after the other, each under real questions of ever new callers over
HTTP, on the embedded tier. Bad arms, of which a stand-in for the model sees to: slow (1.2 s more), wrong (a text that no source
carries), late (slow from its 80th exposure on), seldom (wrong once in eight). Healthy ones end after so many exposures of the
treatment. Beside them, with the first one out: for how many of so many callers the OpenFeature route says on. --bad '' has none,
and no model.
Exit code 1 where a bad arm was not rolled back within 30 s of its 100th exposure or a healthy one was.`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    healthy: { type: 'string', default: '10' },
    exposures: { type: 'string', default: '40' },
    bad: { type: 'string', default: Object.keys(bad).join() },
    callers: { type: 'string', default: '20000' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const arms = values.bad.split(',').filter(Boolean);
  // Nothing but the model is bad in a bad arm; where there is none, answers are made of the sources, and sooner.
  const standIn = arms.length > 0 ? await llmStandIns.gemini({ apiKey: 'a-key' }) : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'dt-rag-bench-'));
  const service = await startStandalone({
    ...{ PORT: '0', LOG_LEVEL: 'silent', ENVIRONMENT: 'testing', DATA_DIR: folder },
    ...standIn?.environment,
    // Every answer is to be made anew, and nothing but the arm to make it worse.
    ANSWER_CACHE_TTL_SECONDS: '0',
    STEP_BUDGETS: 'intent=20000,retrieve=20000,compose=20000,cite=20000,respond=20000',
  });
  const sql = openSql({ host: folder, port: 5432, user: 'postgres', database: 'postgres' });
  const admin = createClient(service.url, service.adminKey);
  const lines: Line[] = [];
  try {
    await ingest(admin);
    const drill = openDrill(
      { admin, sql },
      {
        ...{ flag, percent, mostQuestions: 5000 },
        ...(standIn && { standIn }),
      },
    );
    for (const name of arms) lines.push(await drillBad(drill, name));
    let callers: Awaited<ReturnType<typeof askForMany>> | undefined;
    for (let n = 1; n <= Number(values.healthy); n++)
      lines.push(
        await drillHealthy(drill, `healthy ${n}`, Number(values.exposures), async () => {
          if (n === 1) callers = await askForMany(admin, Number(values.callers));
        }),
      );
    await report(lines, callers);
  } finally {
    await sql.close();
    await service.stop();
    await standIn?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function ingest(admin: Client): Promise<void> {
  const { body } = await admin.post('/api/v1/ingestion-batches', { items: handbook });
  await waitFor('the handbook is in', async () => (await admin.get(body.links.self)).body.is_terminal);
}

async function report(lines: Line[], callers: Awaited<ReturnType<typeof askForMany>> | undefined) {
  const seen = { answers: 0, on: 0 };
  for (const { answers, share } of lines) {
    seen.answers += answers;
    seen.on += Math.round((answers * share) / 100);
  }
  const result = {
    flag,
    percent,
    lines,
    allDrills: { callers: seen.answers, share: rounded((100 * seen.on) / Math.max(1, seen.answers)) },
    ofrep: callers,
  };
  console.table(lines);
  console.log(JSON.stringify({ allDrills: result.allDrills, ofrep: callers }));
  if (values.json) await writeFile(values.json, JSON.stringify(result, null, 2));
  if (!lines.every(({ fine }) => fine)) process.exitCode = 1;
}
