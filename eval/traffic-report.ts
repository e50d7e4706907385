import type { Judged, TrafficResult } from './traffic-learning.ts';

export function printTraffic(
  result: TrafficResult,
  { policy, rounds }: { policy: string; rounds: number },
): void {
  const { learning, judging, states, baseline, byAction, judged, byCollection } = result;
  console.log(`\n${learning} questions learned from, ${rounds} times; ${judging} judged; ${states} states`);
  console.log('\nnDCG@10, judging half');
  for (const { action, mean } of byAction) console.log(`${`always ${action}`.padEnd(38)}${mean.toFixed(4)}`);
  console.log('\nagainst hybrid:direct: difference [95 %], relative');
  for (const one of judged)
    console.log(`${one.name.padEnd(38)}${one.mean.toFixed(4)}  ${difference(one, baseline)}`);
  console.log(
    `\n${'collection'.padEnd(22)}${'questions'.padStart(10)}${'hybrid'.padStart(9)}${'learned'.padStart(9)}${'oracle'.padStart(9)}`,
  );
  for (const row of byCollection) {
    const scores = [row.baseline, row.learned, row.oracle]
      .map((score) => score.toFixed(4).padStart(9))
      .join('');
    console.log(`${row.collection.padEnd(22)}${String(row.questions).padStart(10)}${scores}`);
  }
  const own = judged.find(({ name }) => name === `${policy}, its best`);
  if (own) console.log(`\n${verdict(own, baseline)}`);
}

function difference({ compared: { difference: value, interval, p } }: Judged, baseline: number): string {
  const range = interval.map((one) => one.toFixed(4)).join(' ');
  const relative = baseline === 0 ? '' : `  ${signed((100 * value) / baseline, 2)} %`;
  return `${signed(value, 4)} [${range}]  p ${p.toFixed(4)}${relative}`;
}

function signed(value: number, digits: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(digits)}`;
}

/** Said as it is: an interval that holds 0 shows nothing. */
function verdict({ name, compared: { interval, difference: value } }: Judged, baseline: number): string {
  if (interval[0] <= 0 && interval[1] >= 0) return `${name}: no effect (the interval holds 0)`;
  return `${name}: ${signed((100 * value) / baseline, 2)} % against hybrid`;
}
