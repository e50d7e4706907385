import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { FlagEvaluation, FlagSnapshot, FlagState } from '../flag-service.ts';
import { type FlagKey, flagKeys } from '../flags.ts';
import type { Metrics } from '../metrics.ts';

interface FlagTallies {
  /** Counts what was decided, and gives it back. */
  tally(snapshot: FlagSnapshot): FlagSnapshot;
  observe(outcome: 'ok' | 'failed', seconds: number): void;
}

interface Known {
  states(): readonly FlagState[];
  ageMs(): number;
}

interface Cell {
  labels: { flag: FlagKey; outcome: 'on' | 'off'; reason: string };
  count: number;
}

/**
 * Exports what this process knows of the flags, and what it made of it. Returns what counts a snapshot: in plain numbers, which the
 * scrape reads, since labels cost more than the evaluation does.
 */
export function exportFlags({ registry }: Metrics, known: Known): FlagTallies {
  const registers = [registry];
  exportKnown(registers, known);
  const cells = new Map<string, Cell>();
  new Counter({
    name: 'rag_flag_evaluations_total',
    help: 'Flags decided for requests, by outcome and by what decided.',
    labelNames: ['flag', 'outcome', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { labels, count } of cells.values()) this.inc(labels, count);
    },
  });
  const seconds = new Histogram({
    name: 'rag_flag_provider_seconds',
    help: 'Looks at the configured flag provider, by outcome.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
    registers,
  });
  return {
    tally: (snapshot) => {
      for (const key of flagKeys) count(cells, key, snapshot[key]);
      return snapshot;
    },
    observe: (outcome, took) => seconds.observe({ outcome }, took),
  };
}

function exportKnown(registers: Registry[], { states, ageMs }: Known): void {
  new Gauge({
    name: 'rag_flag_share_percent',
    help: 'Share of callers for whom the flag is on by what this process knows; source: kill, stored, env or default.',
    labelNames: ['flag', 'source'],
    registers,
    collect() {
      this.reset();
      for (const { key, enabled, rollout_percent, source } of states())
        this.set({ flag: key, source }, enabled ? rollout_percent : 0);
    },
  });
  new Gauge({
    name: 'rag_flags_age_seconds',
    help: 'Time since this process read the stored flags; some tenths of a second while the database answers.',
    registers,
    collect() {
      this.set(ageMs() / 1000);
    },
  });
}

function count(cells: Map<string, Cell>, flag: FlagKey, { on, reason }: FlagEvaluation): void {
  const outcome = on ? 'on' : 'off';
  const name = `${flag}:${outcome}:${reason}`;
  const cell = cells.get(name);
  if (cell) cell.count += 1;
  else cells.set(name, { labels: { flag, outcome, reason }, count: 1 });
}
