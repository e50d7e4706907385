import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findPii } from '../src/text/pii/find-pii.ts';
import { maskText } from '../src/text/pii/mask.ts';
import { makeInstances } from '../test/support/pii-instances.ts';

const usage = `npm run bench pii [-- --count 2000] [--seed 1] [--texts FILE.jsonl]…

Share of made-up Korean and English instances that are found whole, and the time that 10,000 characters take: of prose, of
nothing but personal data, and of what is made to take long. With --texts, every finding in the field "text" of these lines,
with what stands around it, and the share of texts that have any.`;

/** Characters of a text of which the time is taken. */
const length = 10_000;
const runs = 40;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      texts: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  console.table(measureRecall(Number(values.count), Number(values.seed)));
  console.table(measureTimes(Number(values.seed)));
  for (const file of values.texts) await listFindings(file);
}

function measureRecall(count: number, seed: number) {
  const rows: Record<string, { instances: number; found: number; share: number }> = {};
  for (const { kind, text, value } of makeInstances(count, seed)) {
    const start = text.indexOf(value);
    const found = [...findPii(text)].some((hit) => hit.start <= start && hit.end >= start + value.length);
    if (!found) console.log(`missed ${kind}: ${JSON.stringify(text)}`);
    for (const name of [kind, 'all']) {
      const row = rows[name] ?? { instances: 0, found: 0, share: 0 };
      rows[name] = row;
      row.instances += 1;
      row.found += found ? 1 : 0;
      row.share = row.found / row.instances;
    }
  }
  return rows;
}

function measureTimes(seed: number) {
  const instances = makeInstances(1000, seed);
  const filled = (piece: string) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
  const texts = {
    'Korean prose': filled('서울특별시는 대한민국의 수도이며 2020년의 인구는 9,765,000명이다. '),
    'English prose': filled('The tower opened on 31 March 1889 and is 330 metres tall (1,083 ft). '),
    'sentences with one each': filled(instances.map(({ text }) => text).join(' ')),
    'nothing else': filled(instances.map(({ value }) => value).join(' ')),
    'one digit': filled('1'),
    'digits and hyphens': filled('1-'),
    'pairs of digits': filled('12 34 '),
    'at signs': filled('a@'),
    'labels without a domain': `${filled('b.')}@`,
    'plus signs': filled('+1 2 3 4 5 6 7 '),
    'labels and digits': filled('전화 account 여권 면허 ssn 사업자 123456789 '),
    'codes like IBAN': filled('AB12 '),
    'blank lines': filled(' \n'),
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, timesOf(text)]));
}

function timesOf(text: string) {
  const times = Array.from({ length: runs }, () => {
    const started = performance.now();
    maskText(text);
    return performance.now() - started;
  });
  const [first] = times as [number];
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (runs - 1))] as number;
  const rounded = (ms: number) => Math.round(ms * 100) / 100;
  return {
    'first ms': rounded(first),
    'least ms': rounded(at(0)),
    'p50 ms': rounded(at(0.5)),
    'p95 ms': rounded(at(0.95)),
  };
}

async function listFindings(file: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  let withAny = 0;
  for (const line of lines) {
    const { text } = JSON.parse(line) as { text: string };
    const findings = [...findPii(text)];
    withAny += findings.length > 0 ? 1 : 0;
    for (const { kind, start, end } of findings) {
      const around = [
        text.slice(Math.max(0, start - 30), start),
        text.slice(start, end),
        text.slice(end, end + 30),
      ];
      console.log(`${kind}: ${JSON.stringify(`${around[0]}⟦${around[1]}⟧${around[2]}`)}`);
    }
  }
  const share = ((100 * withAny) / lines.length).toFixed(2);
  console.log(`${file}: ${withAny} of ${lines.length} texts have any (${share} %)`);
}

await main();
