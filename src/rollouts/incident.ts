import type { RolloutRow } from '../db/rollouts.ts';
import type { FlagKey } from '../flags.ts';
import type { GateReading } from './judge-gate.ts';
import { type MetricName, metricList } from './metrics.ts';
import type { Gate } from './plan.ts';
import type { Readings } from './readings.ts';

const labels: Record<MetricName, { en: string; ko: string }> = {
  error_rate: { en: 'the share of errors', ko: '오류 비율' },
  degraded_rate: { en: 'the share of degraded answers', ko: '품질 저하 답변 비율' },
  answered_rate: { en: 'the share of questions answered', ko: '답변된 질문 비율' },
  latency_ms: { en: 'the time an answer takes', ko: '답변 소요 시간' },
  citation_support: { en: 'the support of citations', ko: '인용 근거 점수' },
  confidence: { en: 'the confidence of answers', ko: '답변 신뢰도' },
  feedback: { en: 'the rating by users', ko: '사용자 평가' },
  quality: { en: 'the quality of answers', ko: '답변 품질' },
  p95_ms: { en: 'the 95th percentile of latency', ko: '지연 시간 95백분위' },
  memory_mb: { en: 'the memory of the largest process', ko: '최대 프로세스 메모리' },
  buffer_size: { en: 'the number of experiences', ko: '경험 버퍼 크기' },
  buffer_mb: { en: 'the size of the experiences', ko: '경험 버퍼 용량' },
  learning_states: { en: 'the number of learned states', ko: '학습 상태 수' },
  batch_success: { en: 'the share of batches learned', ko: '학습 배치 성공 비율' },
  golden_ndcg: { en: 'nDCG@10 on the golden set', ko: '골든 세트 nDCG@10' },
};

const grouped = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits });

/** A number of this metric as people write it. */
export function shown(metric: MetricName, measure: Gate['measure'], value: number | null): string {
  if (value === null) return '–';
  const signed = measure === 'level' ? '' : value < 0 ? '−' : '+';
  const size = measure === 'level' ? value : Math.abs(value);
  if (measure === 'relative') return `${signed}${grouped(size * 100, 1)} %`;
  if (metricList[metric].kind === 'rate' || metric === 'batch_success')
    return `${signed}${grouped(size * 100, 2)} ${measure === 'difference' ? 'points' : '%'}`;
  if (metric.endsWith('_ms')) return `${signed}${grouped(size, 0)} ms`;
  if (metric.endsWith('_mb')) return `${grouped(size, 1)} MB`;
  return `${signed}${grouped(size, 3)}`;
}

export function limitsOf({ metric, measure, at_most, at_least }: Gate): string {
  const limit = (word: string, value: number | undefined) =>
    value === undefined ? [] : [`${word} ${shown(metric, measure, value)}`];
  return [...limit('at most', at_most), ...limit('at least', at_least)].join(', ');
}

/** The bound that speaks against the gate. */
function worst({ gate, lower, upper }: GateReading): number | null {
  return gate.at_most === undefined ? upper : lower;
}

/** What one gate says, in a sentence. */
export function describeGate(reading: GateReading): { en: string; ko: string } {
  const { gate, value, treatment, control, samples, note } = reading;
  const { metric, measure } = gate;
  const label = labels[metric];
  const number = (n: number | null, as: Gate['measure'] = measure) => shown(metric, as, n);
  const bound = worst(reading);
  const compared = measure !== 'level' && treatment !== null && control !== null;
  return {
    en: [
      `${label.en} is ${number(value)}${compared ? ` (${number(treatment, 'level')} in the treatment, ${number(control, 'level')} in the control)` : ''}`,
      ...(bound === null || bound === value
        ? []
        : [`for sure ${gate.at_most === undefined ? 'no better than' : 'no less than'} ${number(bound)}`]),
      `allowed is ${limitsOf(gate)}`,
      ...(samples.treatment + samples.control > 0
        ? [`from ${grouped(samples.treatment, 0)} and ${grouped(samples.control, 0)} answers`]
        : []),
    ]
      .join('; ')
      .concat(note ? `. ${note}` : '.'),
    ko: `${label.ko}: ${number(value)}${compared ? ` (실험군 ${number(treatment, 'level')}, 대조군 ${number(control, 'level')})` : ''}, 확실한 경계 ${number(bound)}, 허용 ${limitsOf(gate)}, 표본 ${samples.treatment}/${samples.control}.`,
  };
}

const settings = (flags: RolloutRow['before'], off: string): string =>
  (Object.keys(flags) as FlagKey[])
    .map((key) => `${key} ${flags[key]?.enabled ? `${flags[key].rollout_percent} %` : off}`)
    .join(', ');

/** What happened to whom and what was done, for somebody who has never seen the service. */
export function describeRollback(
  rollout: RolloutRow,
  readings: Readings,
  broken: readonly GateReading[],
): { note: string; note_ko: string } {
  const { plan, stage, expected, before, name } = rollout;
  const { treatment, control } = readings;
  const said = broken.map(describeGate);
  const stageName = plan.stages[stage]?.name;
  const exposed = grouped(treatment.exposures, 0);
  const all = grouped(treatment.exposures + control.exposures, 0);
  return {
    note: [
      `The rollout "${name}" was rolled back automatically in stage "${stageName}" (${settings(expected, 'off')}), after ${exposed} of ${all} answers had been exposed to it.`,
      ...said.map(({ en }) => `${en.charAt(0).toUpperCase()}${en.slice(1)}`),
      `The flags are as they were before the rollout: ${settings(before, 'off')}. Answers accepted more than a second from now follow them; answers under way end as they began.`,
    ].join('\n'),
    note_ko: [
      `롤아웃 "${name}"이(가) 단계 "${stageName}"(${settings(expected, '꺼짐')})에서 자동으로 롤백되었습니다. 전체 답변 ${all}건 중 ${exposed}건이 노출되었습니다.`,
      ...said.map(({ ko }) => ko),
      `플래그는 롤아웃 이전 값으로 돌아갔습니다: ${settings(before, '꺼짐')}. 1초 뒤부터 접수되는 답변에 적용됩니다.`,
    ].join('\n'),
  };
}
