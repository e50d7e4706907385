/**
 * What a question says of cached answers, by the Cache-Control of its request (RFC 9111, 5.2.1): `no-cache` wants the answer
 * made anew, `no-store` nor kept to be given again.
 */
export function cacheWish(header: string | undefined): { cache_control?: 'no-cache' | 'no-store' } {
  const directives = (header ?? '').toLowerCase().split(',');
  const says = (name: string) => directives.some((one) => one.trim() === name);
  if (says('no-store')) return { cache_control: 'no-store' };
  return says('no-cache') || says('max-age=0') ? { cache_control: 'no-cache' } : {};
}
