import { takeDue } from '../src/db/schedules.ts';
import { catalog, type JobName, jobNames } from '../src/jobs/catalog.ts';
import type { Foundation } from '../src/service.ts';

/** How often a worker process looks for work that is due. */
const lookMs = 2000;

const schedule = jobNames.flatMap((job) => {
  const { everyMs } = catalog[job];
  return everyMs === undefined ? [] : [{ job, everyMs }];
});

/** Nudges scheduled jobs when they are due. Every worker process looks; each run goes to one of them. */
export function startSchedule({ db, log, queues, shutdown }: Foundation): void {
  let looking: Promise<void> | undefined;
  const look = async () => {
    for (const job of await takeDue(db, schedule)) await queues.enqueue(job as JobName, [{}] as never);
  };
  const timer = setInterval(() => {
    looking ??= look()
      .catch((error) => log.warn({ err: error }, 'could not look for scheduled work'))
      .finally(() => {
        looking = undefined;
      });
  }, lookMs);
  shutdown.add('schedule', async () => {
    clearInterval(timer);
    await looking;
  });
}
