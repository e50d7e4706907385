import type { Provider } from '@openfeature/server-sdk';
import type { Config } from '../config.ts';
import { createOfrepProvider } from './ofrep-provider.ts';

/** In all for one look at the provider: it is on the way of every question. */
const timeoutMs = 500;

/** OpenFeature providers that may decide instead of the stored values; null: none does. */
export function chooseProvider({
  FLAG_PROVIDER,
  FLAG_PROVIDER_URL,
  FLAG_PROVIDER_TOKEN,
}: Pick<Config, 'FLAG_PROVIDER' | 'FLAG_PROVIDER_URL' | 'FLAG_PROVIDER_TOKEN'>): Provider | null {
  if (FLAG_PROVIDER === 'stored') return null;
  return createOfrepProvider({
    url: FLAG_PROVIDER_URL as string,
    token: FLAG_PROVIDER_TOKEN,
    timeoutMs,
  });
}
