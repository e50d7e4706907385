import type { Config } from '../config.ts';
import type { Metrics } from '../metrics.ts';
import { maskText } from '../text/pii/mask.ts';

/**
 * What callers write in passing (questions, comments) as it is kept, searched, embedded and shown again: with placeholders
 * for personal data, unless PII_POLICY is `off`. `reject` refuses documents; a question is masked.
 */
export function keptText({ config, metrics }: { config: Config; metrics: Metrics }, text: string): string {
  if (config.PII_POLICY === 'off') return text;
  const masked = maskText(text);
  metrics.countPii(masked.found);
  return masked.text;
}
