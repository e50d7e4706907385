import { ToolFault } from './tool.ts';

const dayMs = 86_400_000;

/** Whether the runtime knows the time zone (IANA name). */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** `2026-11-23`, as it is in the time zone. */
export function dateIn(moment: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(moment);
}

export function timeIn(moment: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(moment);
}

/** `Monday, 23 November 2026`, `2026년 11월 23일 월요일`. */
export function longDate(date: string, language: string): string {
  const locale = language === 'ko' ? 'ko-KR' : 'en-GB';
  return new Intl.DateTimeFormat(locale, { timeZone: 'UTC', dateStyle: 'full' }).format(readDate(date));
}

/** Throws ToolFault `bad_arguments` for what is no day of the calendar. */
export function readDate(date: string): Date {
  const read = new Date(`${date}T00:00:00Z`);
  const real = /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(read.getTime());
  if (real && read.toISOString().startsWith(date)) return read;
  throw new ToolFault('bad_arguments', `${JSON.stringify(date)} is no day: write it as YYYY-MM-DD.`);
}

/** Years and months first, the day cut to the month's last (31 January + 1 month = 28 February), then weeks and days. */
export function addToDate(
  date: string,
  {
    years = 0,
    months = 0,
    weeks = 0,
    days = 0,
  }: Partial<Record<'years' | 'months' | 'weeks' | 'days', number>>,
): string {
  const from = readDate(date);
  const month = from.getUTCFullYear() * 12 + from.getUTCMonth() + years * 12 + months;
  const last = new Date(Date.UTC(Math.floor(month / 12), (((month % 12) + 12) % 12) + 1, 0)).getUTCDate();
  const shifted = Date.UTC(
    Math.floor(month / 12),
    ((month % 12) + 12) % 12,
    Math.min(from.getUTCDate(), last),
  );
  const to = new Date(shifted + (weeks * 7 + days) * dayMs);
  const written = Number.isNaN(to.getTime()) ? '' : to.toISOString().slice(0, 10);
  if (/^\d{4}-\d{2}-\d{2}$/.test(written)) return written;
  throw new ToolFault('bad_arguments', 'The day lies beyond the years 0 to 9999.');
}

/** Whole days; negative when `to` is the earlier one. */
export function daysBetween(from: string, to: string): number {
  return (readDate(to).getTime() - readDate(from).getTime()) / dayMs;
}
