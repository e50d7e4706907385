/** What became of one piece of a group: its result, or the error that is its own. */
export type Outcome<R> = { value: R } | { error: unknown };

interface Waiting<T, R> {
  item: T;
  resolve: (value: R) => void;
  reject: (error: unknown) => void;
}

interface Grouping {
  /** Groups that are under way at a time; what comes meanwhile is the next group. */
  atOnce: number;
  /** Pieces in a group. */
  most: number;
  /** A group that takes longer than this takes up no place any more: it may be stuck. */
  patienceMs: number;
}

/**
 * Has what is asked for in the same moment, or while `atOnce` groups are under way, done together, as databases commit in groups.
 * Nobody waits for others to come: where a place is free, a piece begins in the turn of the event loop that it came in. `run`
 * gives an outcome for each piece, in their order; when it throws, all of them fail with that.
 */
export function grouped<T, R>(
  { atOnce, most, patienceMs }: Grouping,
  run: (items: readonly T[]) => Promise<readonly Outcome<R>[]>,
): (item: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = [];
  let underWay = 0;
  let soon = false;
  const beginOne = () => {
    underWay += 1;
    let over = false;
    const leave = () => {
      clearTimeout(timer);
      if (over) return;
      over = true;
      underWay -= 1;
      begin();
    };
    const timer = setTimeout(leave, patienceMs);
    void runGroup(run, waiting.splice(0, most)).then(leave);
  };
  const begin = () => {
    soon = false;
    while (underWay < atOnce && waiting.length > 0) beginOne();
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (soon || underWay >= atOnce) return;
      soon = true;
      // After what the sockets have brought in this turn.
      setImmediate(begin);
    });
}

async function runGroup<T, R>(
  run: (items: readonly T[]) => Promise<readonly Outcome<R>[]>,
  group: readonly Waiting<T, R>[],
): Promise<void> {
  try {
    const outcomes = await run(group.map(({ item }) => item));
    for (const [n, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[n] as Outcome<R>;
      if ('error' in outcome) reject(outcome.error);
      else resolve(outcome.value);
    }
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}
