export interface Failure {
  path: string;
  code: string;
  detail: string;
}

/** How a run ended, as `--json` prints it. Files of all sources together. */
export interface Summary {
  files: number;
  /** New or changed, and ready (with --no-wait: accepted). */
  ingested: number;
  unchanged: number;
  failed: number;
  pruned: number;
  skipped: Record<string, number>;
  failures: Failure[];
  interrupted: boolean;
  seconds: number;
}

export function emptySummary(): Summary {
  return {
    ...{ files: 0, ingested: 0, unchanged: 0, failed: 0, pruned: 0, skipped: {}, failures: [] },
    ...{ interrupted: false, seconds: 0 },
  };
}

export function describeSummary(summary: Summary, dryRun: boolean): string {
  const { failed, failures, files, ingested, interrupted, pruned, seconds, skipped, unchanged } = summary;
  const left = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`);
  const [did, removed] = dryRun ? ['to send', 'to remove'] : ['new or changed', 'removed'];
  return [
    `${files} files: ${ingested} ${did}, ${unchanged} unchanged, ${failed} failed, ${pruned} ${removed}; ${seconds.toFixed(1)} s.`,
    ...(left.length > 0 ? [`Left out: ${left.join(', ')}.`] : []),
    ...failures.map(({ code, detail, path }) => `  ${path}: ${code}: ${detail}`),
    ...(interrupted ? ['Interrupted: run the same again to go on where it stopped.'] : []),
  ].join('\n');
}
