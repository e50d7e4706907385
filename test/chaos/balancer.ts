import { setTimeout as pause } from 'node:timers/promises';

/** What a load balancer knows: which of several APIs say that they are ready. */
export interface Balancer {
  /** The next one that is ready, in turn; the next one in any case when none is. */
  url(): string;
  /** Resolves when each is known to be ready. */
  allReady(): Promise<void>;
  stop(): void;
}

const lookMs = 100;

/** Asks `GET /health/ready` of each over and over, as balancers do; one that is told to stop says so before it closes. */
export function openBalancer(urls: readonly string[]): Balancer {
  const ready = new Set<string>();
  let open = true;
  let turn = 0;
  const watch = async (url: string) => {
    while (open) {
      if (await isReady(url)) ready.add(url);
      else ready.delete(url);
      await pause(lookMs);
    }
  };
  for (const url of urls) void watch(url);
  return {
    url: () => {
      const choice = urls.filter((url) => ready.has(url));
      const among = choice.length > 0 ? choice : urls;
      return among[turn++ % among.length] as string;
    },
    allReady: async () => {
      while (ready.size < urls.length) await pause(lookMs);
    },
    stop: () => {
      open = false;
    },
  };
}

export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
