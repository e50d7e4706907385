import { readConfig } from '../../src/config.ts';
import type { JobName } from '../../src/jobs/catalog.ts';
import { createLivePolicies } from '../../src/learning/live-policy.ts';
import { createLog } from '../../src/log.ts';
import { type Foundation, openFoundation } from '../../src/service.ts';
import { createShutdown } from '../../src/shutdown.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import type { Context } from '../../workers/context.ts';
import { openFetcher } from '../../workers/ingestion/open-fetcher.ts';
import { createParserPool } from '../../workers/ingestion/parse-isolated.ts';
import { openToolbox } from '../../workers/tools/open-toolbox.ts';
import { openWebhookSender } from '../../workers/webhook/open-sender.ts';
import { createStores } from './stores.ts';

/** What handlers work with, and nobody else at work: jobs that they add stay in the queues. */
export interface HandlerBench {
  context: Context;
  foundation: Foundation;
  /** Payloads of the jobs that wait, of one name. */
  waiting(name: JobName): Promise<unknown[]>;
  close(): Promise<void>;
}

export async function openBench(more: Record<string, string> = {}): Promise<HandlerBench> {
  const stores = await createStores();
  const environment = {
    ...stores.environment,
    CHUNK_TOKENS: '60',
    CHUNK_OVERLAP_TOKENS: '15',
    ...more,
  };
  const config = readConfig(environment);
  const log = createLog('silent');
  const shutdown = createShutdown(log, 20);
  const foundation = await openFoundation(config, log, shutdown);
  const parsers = createParserPool({ timeoutMs: 60_000, memoryMb: 400, size: 1 });
  const { db, notifications, search, embedders, flags, metrics, queues } = foundation;
  const fetchUrl = openFetcher({ ...config, ...readWorkerConfig(environment) });
  const webhooks = await openWebhookSender({ ...config, ...readWorkerConfig(environment) });
  const toolbox = await openToolbox(foundation, { ...config, ...readWorkerConfig(environment) });
  return {
    foundation,
    context: {
      config: { ...config, ...readWorkerConfig(environment) },
      ...{ db, notifications, search, embedders, flags, metrics, parsers, fetchUrl, webhooks, toolbox, log },
      classification: foundation.classification,
      ...{ enqueue: queues.enqueue, holds: queues.holds },
      llm: null,
      policies: createLivePolicies(db, config.LEARNING_POLICY, log),
      signal: new AbortController().signal,
    },
    waiting: async (name) => {
      const jobs = await Promise.all(
        queues.list.map((queue) => queue.getJobs(['waiting', 'prioritized', 'delayed'], 0, -1)),
      );
      return jobs
        .flat()
        .filter((job) => job.name === name)
        .map((job) => job.data);
    },
    close: async () => {
      await parsers.close();
      await shutdown.run();
      await stores.remove();
    },
  };
}
