import { setTimeout as pause } from 'node:timers/promises';
import type { ServerSettings } from './server-settings.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { ToolFault } from './tool.ts';

/** A connection that is opened when it is needed, and anew after it was lost. */
export interface Connection {
  /** Throws ToolFault, at once where it failed a moment ago. */
  open(): Promise<Session>;
  /** It was of use: the pauses after failures begin anew. */
  worked(): void;
  close(): Promise<void>;
}

const firstPauseMs = 500;
const longestPauseMs = 60_000;
const longestGoodbyeMs = 5000;

/** `onLost` hears of every failure and end but that by `close`. */
export function createConnection(
  settings: ServerSettings,
  options: SessionOptions,
  onLost: (fault: ToolFault) => void,
): Connection {
  let session: Promise<Session> | undefined;
  let failures = 0;
  let notBefore = 0;
  let closed = false;
  const lost = (fault: ToolFault) => {
    session = undefined;
    notBefore = performance.now() + Math.min(longestPauseMs, firstPauseMs * 2 ** failures);
    failures += 1;
    if (!closed) onLost(fault);
  };
  const openAnew = async (): Promise<Session> => {
    const opened = await openSession(settings, options);
    if (opened.ended.aborted) throw opened.ended.reason;
    opened.ended.addEventListener('abort', () => lost(opened.ended.reason), { once: true });
    return opened;
  };
  return {
    open: async () => {
      if (session) return session;
      if (closed || performance.now() < notBefore)
        throw new ToolFault('unavailable', 'The server failed a moment ago and is left alone for now.');
      session = openAnew();
      session.catch(lost);
      return session;
    },
    worked: () => {
      failures = 0;
    },
    close: async () => {
      closed = true;
      const ended = new ToolFault('unavailable', 'The worker is shutting down.');
      const ending = session?.then((open) => open.end(ended)).catch(() => undefined);
      // One that is still connecting is not waited for: its child ends with its input.
      await Promise.race([ending, pause(longestGoodbyeMs, undefined, { ref: false })]);
    },
  };
}
