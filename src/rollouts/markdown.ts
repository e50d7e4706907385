import type { RolloutEventRow, RolloutRow } from '../db/rollouts.ts';
import type { Judgement } from './decide.ts';
import { describeGate, limitsOf, shown } from './incident.ts';
import type { GateReading } from './judge-gate.ts';
import type { Readings } from './readings.ts';

export interface Report {
  rollout: RolloutRow;
  events: readonly RolloutEventRow[];
  readings: Readings;
  judgement: Judgement;
}

const time = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
/** Names and reasons are somebody's: they must not become headings, links or columns. */
const plain = (text: string): string => text.replace(/[\\`*_[\]<>|#]/g, '\\$&').replace(/\s+/g, ' ');

const verdictWords = {
  passed: 'passed',
  breached: '**broken**',
  not_met: 'not met',
  no_data: 'no data',
} as const;

/** The report that an operator forwards. */
export function toMarkdown({ rollout, events, readings, judgement }: Report): string {
  const { name, status, stage, plan, expected, created_by, created_at } = rollout;
  const { treatment, control, baseline, concurrent } = readings;
  const incidents = events.filter(({ note }) => note !== null);
  return [
    `# Rollout: ${plain(name)}`,
    '',
    `**${status}**, stage ${stage + 1} of ${plan.stages.length}: ${plain(plan.stages[stage]?.name ?? '')}. Started by ${plain(created_by)}, ${time(created_at)}.`,
    `Flags: ${Object.entries(expected)
      .map(([key, flag]) => `\`${key}\` ${flag?.enabled ? `${flag.rollout_percent} %` : 'off'}`)
      .join(', ')}.`,
    `Answers in this stage: ${treatment.exposures} treated (${share(readings)}), ${control.exposures} ${concurrent ? 'in the control' : 'in the control of earlier stages, another time than the treatment'}${baseline ? '; nobody is treated in it' : ''}.`,
    ...(judgement.waitsFor.length > 0
      ? ['', 'Before the stage can be left:', ...judgement.waitsFor.map((one) => `- ${plain(one)}`)]
      : []),
    '',
    '## Gates',
    '',
    '| gate | allowed | now | sure bounds | treatment / control | answers | verdict |',
    '|---|---|---|---|---|---|---|',
    ...judgement.gates.map(gateLine),
    ...(incidents.length > 0 ? ['', '## Incidents'] : []),
    ...incidents.flatMap(({ at, note }) => [
      '',
      `### ${time(at)}`,
      '',
      ...(note ?? '').split('\n').map((line) => `${plain(line)}\n`),
    ]),
    '',
    '## History',
    '',
    ...events.map(
      ({ at, type, by, reason, stage: led }) =>
        `- ${time(at)}: **${type.replace('_', ' ')}** (stage ${led + 1}) by ${plain(by)}: ${plain(reason)}`,
    ),
    '',
  ].join('\n');
}

function share({ treatment, control, concurrent }: Readings): string {
  if (!concurrent) return 'everybody';
  const all = treatment.exposures + control.exposures;
  return all === 0 ? 'none yet' : `${((100 * treatment.exposures) / all).toFixed(1)} %`;
}

function gateLine(reading: GateReading): string {
  const { gate, value, lower, upper, treatment, control, samples, verdict } = reading;
  const number = (n: number | null) => shown(gate.metric, gate.measure, n);
  const level = (n: number | null) => shown(gate.metric, 'level', n);
  const cells = [
    `${gate.metric} ${gate.measure === 'level' ? '' : gate.measure} (${gate.on_breach})`,
    limitsOf(gate),
    number(value),
    lower === upper ? '–' : `${number(lower)} … ${number(upper)}`,
    `${level(treatment)} / ${level(control)}`,
    `${samples.treatment} / ${samples.control}`,
    verdictWords[verdict],
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Every gate in a sentence, for the resource. */
export const sentenceOf = (reading: GateReading): string => describeGate(reading).en;
