import { type DestinationStream, type Logger, pino } from 'pino';
import { findPii } from './text/pii/find-pii.ts';
import { maskText } from './text/pii/mask.ts';

export type Log = Logger;

/**
 * JSON lines to standard output. ERROR means that a person must act now; what mends itself is WARN.
 * Keys and secrets never reach a line: headers that carry them are redacted here, and no call logs a body. Personal data
 * that a message of somebody else's code quotes (a parser, the database) leaves as a placeholder.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['req.headers["x-api-key"]', 'req.headers.authorization', 'req.headers.cookie'],
      censor: '[redacted]',
    },
    hooks: { streamWrite: maskLine },
  };
  return pino(options, destination ?? pino.destination(together));
}

/**
 * Lines are written when there are some kilobytes of them, or a tenth of a second later: alone, each costs its request a system
 * call. A fatal one, and what is left at the exit, is written at once.
 */
const together = { dest: 1, sync: false, minLength: 4096, periodicFlush: 100 };

/** What every line has of digits that are nobody's: numbers that are no strings, its time, and ids. */
const harmless =
  /":-?\d[\d.e+-]*(?=[,}])|"time":"[^"]*"|(?<![0-9a-f-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f-])/g;

/** Strings alone are masked, so that the line stays JSON and its numbers stay numbers. */
function maskLine(line: string): string {
  // What JSON escapes may stand within a number, as line ends do: such lines are always looked at in full. Without the digits
  // that are in every line, few are looked at by more than one pattern.
  if (!line.includes('\\') && findPii(line.replace(harmless, ' ')).next().done) return line;
  return `${JSON.stringify(maskValue(JSON.parse(line)))}\n`;
}

function maskValue(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value).text;
  if (Array.isArray(value)) return value.map(maskValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, maskValue(inner)]));
}
