import type { Limits, Verdict } from '../callers/permits.ts';
import { AppError } from '../errors.ts';

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers: quota q in a window of w seconds; r of it are left,
 * and in t seconds all of it will be there. What other processes have taken since this one last asked is not yet in r.
 */
export function describeLimits({ rateLimit, burst }: Limits, left: Verdict): Record<string, string> {
  return {
    'RateLimit-Policy': `"hour";q=${rateLimit};w=3600, "burst";q=${burst};w=1`,
    RateLimit: `"hour";r=${left.hourLeft};t=${Math.ceil(left.secondsLeft)}, "burst";r=${left.burstLeft};t=1`,
  };
}

export function refusal({ rateLimit, burst }: Limits, { refusedBy, secondsLeft }: Verdict): AppError {
  return refusedBy === 'hour'
    ? new AppError('rate_limited', `This API key may make ${rateLimit} requests per hour.`, {
        retryAfter: secondsLeft,
      })
    : new AppError('rate_limited', `This API key may make ${burst} requests per second.`, { retryAfter: 1 });
}
