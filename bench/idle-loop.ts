import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A process that does nothing: what it says of its event loop, when asked, is what the machine is to blame for. */
const delay = monitorEventLoopDelay();
delay.enable();
process.on('message', () => {
  const [p99, most] = [delay.percentile(99), delay.max].map((nanoseconds) => Math.round(nanoseconds / 1e6));
  delay.reset();
  process.send?.({ p99, most });
});
process.once('disconnect', () => process.exit(0));
