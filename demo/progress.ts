import { SingleBar } from 'cli-progress';
import type { Ingested } from './ingest.ts';
import { say } from './print.ts';

/** Shows how far the documents are. `stop` gives the terminal back; call it however the work ended. */
export interface Progress {
  update(ingested: Ingested[]): void;
  stop(): void;
}

export function createProgress(total: number): Progress {
  return process.stdout.isTTY ? bar(total) : lines(total);
}

function bar(total: number): Progress {
  const single = new SingleBar({
    format: '  {bar} {value}/{total}  {stages}',
    hideCursor: true,
    barsize: 30,
  });
  single.start(total, 0, { stages: '' });
  return {
    update: (ingested) => single.update(ended(ingested).length, { stages: stages(ingested) }),
    stop: () => single.stop(),
  };
}

/** Without a terminal: one line for each document that comes to its end. */
function lines(total: number): Progress {
  const told = new Set<string>();
  return {
    update(ingested) {
      for (const { example, document } of ended(ingested)) {
        if (told.has(document.id)) continue;
        told.add(document.id);
        say(`  ${told.size}/${total} ${document.status}: ${example.title}`);
      }
    },
    stop() {},
  };
}

function ended(ingested: Ingested[]): Ingested[] {
  return ingested.filter(({ document }) => document.is_terminal);
}

function stages(ingested: Ingested[]): string {
  const counts = new Map<string, number>();
  for (const { document } of ingested) counts.set(document.status, (counts.get(document.status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${status} ${count}`).join(', ');
}
