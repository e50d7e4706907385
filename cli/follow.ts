import { setTimeout as sleep } from 'node:timers/promises';
import { getDocument, Refused, type RemoteDocument, type Service } from './client.ts';

export interface Followed {
  path: string;
  document: RemoteDocument;
}

/** Most documents asked about at a time: the oldest, which end first. */
const window = 16;

export interface Follower {
  add(followed: Followed): void;
  /** No more will be added: resolves when all have ended. */
  finish(): Promise<void>;
}

/** Asks about accepted documents until each has come to its end; `ended` is told of each, once. */
export function createFollower(
  service: Service,
  ended: (path: string, document: RemoteDocument) => void,
): Follower {
  const open: Followed[] = [];
  let more = true;
  const work = (async () => {
    while (more || open.length > 0) {
      const asked = await Promise.all(open.slice(0, window).map((one) => askAbout(service, one)));
      const done = asked.filter(({ document }) => document.is_terminal);
      for (const { path, document } of done) ended(path, document);
      const left = asked.filter(({ document }) => !document.is_terminal);
      open.splice(0, asked.length, ...left);
      if (done.length === 0) await sleep(pauseOf(left), undefined, { signal: service.signal });
    }
  })();
  // Whoever finishes hears of it; until then it must not count as unhandled.
  work.catch(() => {});
  return {
    add: (followed) => void open.push(followed),
    finish: async () => {
      more = false;
      await work;
    },
  };
}

function pauseOf(open: Followed[]): number {
  return open.length === 0
    ? 100
    : Math.min(1000, ...open.map(({ document }) => document.poll_after_ms ?? 500));
}

async function askAbout(service: Service, { document, path }: Followed): Promise<Followed> {
  try {
    return { path, document: await getDocument(service, document.id) };
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'not_found') throw error;
    const gone = { code: 'deleted', detail: 'The document was deleted meanwhile.' };
    return { path, document: { ...document, status: 'deleted', is_terminal: true, error: gone } };
  }
}
