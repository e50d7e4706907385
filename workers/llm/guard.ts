import { type BreakerOptions, type CallEnd, createBreaker } from './breaker.ts';
import { type Llm, LlmFault } from './llm.ts';

/**
 * The model behind a circuit breaker of its own. A model that keeps failing (unavailable, too slow, unreadable) is left
 * alone, and one over its rate limit until the provider's time has come: calls then fail at once with `called: false`, as
 * `llm_unavailable` or `llm_rate_limited`.
 */
export function guard(llm: Llm, options: BreakerOptions): Llm {
  const breaker = createBreaker(options);
  return {
    ...llm,
    condition: breaker.condition,
    async generate(request) {
      const permit = breaker.enter();
      if (!permit) throw leftAlone(breaker.condition(), breaker.waitMs());
      try {
        const reply = await llm.generate(request);
        breaker.ended(permit, 'ok');
        return reply;
      } catch (error) {
        if (isRateLimit(error) && error.retryAfter !== undefined) breaker.pause(error.retryAfter * 1000);
        breaker.ended(permit, judge(error));
        throw error;
      }
    },
  };
}

function isRateLimit(error: unknown): error is LlmFault {
  return error instanceof LlmFault && error.code === 'llm_rate_limited';
}

/** Refusing is the model's good right, and being over a limit or called off says nothing of its health. */
function judge(error: unknown): CallEnd {
  if (!(error instanceof LlmFault)) return 'neither';
  return error.code === 'llm_unavailable' || error.code === 'llm_bad_output' ? 'failed' : 'neither';
}

function leftAlone(condition: string, waitMs: number): LlmFault {
  return condition === 'rate_limited'
    ? new LlmFault('llm_rate_limited', 'The language model is over its rate limit.', {
        called: false,
        retryAfter: Math.ceil(waitMs / 1000),
      })
    : new LlmFault('llm_unavailable', 'The language model is left alone after repeated failures.', {
        called: false,
      });
}
