import type { Knex } from 'knex';
import type { Classification } from '../src/classify/classification.ts';
import type { Config } from '../src/config.ts';
import type { Notifications } from '../src/db/notifications.ts';
import type { ErrorSummary } from '../src/errors.ts';
import type { FlagService } from '../src/flag-service.ts';
import type { JobName, PayloadOf } from '../src/jobs/catalog.ts';
import type { Enqueue, Queues } from '../src/jobs/queues.ts';
import type { LivePolicies } from '../src/learning/live-policy.ts';
import type { Log } from '../src/log.ts';
import type { Metrics } from '../src/metrics.ts';
import type { EmbedderPool } from '../src/models/embedder-pool.ts';
import type { Search } from '../src/retrieval/search.ts';
import type { WorkerConfig } from './config.ts';
import type { Fetcher } from './ingestion/fetch-url.ts';
import type { ParserPool } from './ingestion/parse-isolated.ts';
import type { Llm } from './llm/llm.ts';
import type { Toolbox } from './tools/toolbox.ts';
import type { WebhookSender } from './webhook/send-webhook.ts';

/** What every handler may touch. Opened once a process; handlers open nothing themselves. */
export interface WorkerTools {
  config: Config & WorkerConfig;
  db: Knex;
  notifications: Notifications;
  enqueue: Enqueue;
  holds: Queues['holds'];
  search: Search;
  classification: Classification;
  embedders: EmbedderPool;
  /** null without a key: answers are then taken from the sources word for word. */
  llm: Llm | null;
  /** What decides retrieval where its flag is on. */
  policies: LivePolicies;
  /** For work that belongs to no answer; an answer's flags are in its row. */
  flags: FlagService;
  parsers: ParserPool;
  fetchUrl: Fetcher;
  /** null without SECRET_KEY: then this process takes no webhooks. */
  webhooks: WebhookSender | null;
  toolbox: Toolbox;
  metrics: Metrics;
}

/** The same, for one delivery. */
export interface Context extends WorkerTools {
  log: Log;
  /** Aborts at the job's deadline and when the process stops. */
  signal: AbortSignal;
}

export interface Handler<N extends JobName> {
  /**
   * Does the work of one delivery. Deliveries repeat: it claims its row first and drops what it can't claim. A thrown
   * AppError says by its code whether trying again can help.
   */
  run(payload: PayloadOf<N>, context: Context): Promise<void>;
  /** Called once when it is over: after the last attempt, or at once for an error that can't pass. Marks the row failed. */
  giveUp?(payload: PayloadOf<N>, error: ErrorSummary, context: Context): Promise<void>;
}
