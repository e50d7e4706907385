import type { Config } from '../../src/config.ts';
import { urlPolicy } from '../../src/net/url-policy.ts';
import { version } from '../../src/version.ts';
import type { WorkerConfig } from '../config.ts';
import { createFetcher, type Fetcher } from './fetch-url.ts';

/** The fetcher that the configuration describes. */
export function openFetcher(config: Config & WorkerConfig): Fetcher {
  return createFetcher({
    policy: urlPolicy(config),
    userAgent: config.URL_USER_AGENT ?? `DT-RAG/${version}`,
    maxBytes: config.MAX_UPLOAD_MB * 1024 * 1024,
    timeoutMs: config.URL_TIMEOUT_SECONDS * 1000,
  });
}
