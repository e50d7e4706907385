import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until `condition` gives something truthy, and returns it. Throws with `what` after the deadline. */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  { withinMs = 90_000, everyMs = 50 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`still not so after ${withinMs / 1000} s: ${what}`);
    await pause(everyMs);
  }
}
