import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { injections } from '../test/support/injections.ts';
import { findSuspicions } from '../workers/answer/suspicion.ts';

const usage = `npm run bench injections [-- --texts FILE.jsonl]… [--list]

Share of the injections of the tests that are noticed; with --texts the share of passages, 1,500 characters of the field
"text" each, that are suspected though nobody speaks to a model there, and the time a passage takes. --list shows them.`;

const passageLength = 1500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      texts: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const cases = injections().filter((one) => one.in !== 'question');
  const noticed = cases.filter(({ text }) => findSuspicions(text).length > 0);
  console.log(`injections noticed: ${noticed.length} of ${cases.length}`);
  const rows: Record<string, Awaited<ReturnType<typeof measure>>> = {};
  for (const file of values.texts) rows[file] = await measure(file, values.list);
  if (values.texts.length > 0) console.table(rows);
}

async function measure(file: string, list: boolean) {
  let [passages, suspected, ms] = [0, 0, 0];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line.trim() === '') continue;
    const { text = '' } = JSON.parse(line) as { text?: string };
    for (let at = 0; at < text.length; at += passageLength) {
      const passage = text.slice(at, at + passageLength);
      const started = performance.now();
      const found = findSuspicions(passage);
      ms += performance.now() - started;
      passages += 1;
      if (found.length === 0) continue;
      suspected += 1;
      if (list) console.log(`${found.join()}: ${passage.slice(0, 200).replaceAll('\n', ' ')}`);
    }
  }
  const share = Math.round((1e5 * suspected) / Math.max(1, passages)) / 1e5;
  return { passages, suspected, share, 'ms a passage': Math.round((100 * ms) / Math.max(1, passages)) / 100 };
}

await main();
