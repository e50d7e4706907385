import { calculate, longestExpression, showNumber } from './calculator.ts';
import { addToDate, dateIn, daysBetween, isTimeZone, longDate, timeIn } from './clock.ts';
import type { SchemaChecks } from './schema-check.ts';
import { type Arguments, builtinServer, type Tool, ToolFault } from './tool.ts';

interface Described {
  description: string;
  properties: Record<string, unknown>;
  required?: string[];
  run(given: Arguments, now: Date): string;
}

const date = { type: 'string', description: 'YYYY-MM-DD' };
const language = { type: 'string', maxLength: 10, description: 'ko, or English' };
const amount = { type: 'integer', minimum: -100_000, maximum: 100_000 };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function zoneOf(given: Arguments): string {
  const zone = text(given.time_zone) || 'UTC';
  if (isTimeZone(zone)) return zone;
  throw new ToolFault('bad_arguments', `${JSON.stringify(zone)} is no time zone: write it like Asia/Seoul.`);
}

const described: Record<string, Described> = {
  calculator: {
    description: 'Computes an arithmetic expression of numbers, + - * / ^ % and parentheses.',
    properties: { expression: { type: 'string', minLength: 1, maxLength: longestExpression } },
    required: ['expression'],
    run: ({ expression }) => `${text(expression)} = ${showNumber(calculate(text(expression)))}`,
  },
  now: {
    description: 'The date, weekday and time of day now.',
    properties: { time_zone: { type: 'string', maxLength: 60, description: 'IANA name' }, language },
    run: (given, now) => {
      const zone = zoneOf(given);
      const [day, time] = [longDate(dateIn(now, zone), text(given.language)), timeIn(now, zone)];
      if (given.language === 'ko') return `오늘은 ${day}이고, 지금은 ${time}입니다(${zone}).`;
      return `Today is ${day}, and it is ${time} now (${zone}).`;
    },
  },
  date_add: {
    description: 'The day that lies so many years, months, weeks and days after a day; negative: before it.',
    properties: { date, years: amount, months: amount, weeks: amount, days: amount, language },
    required: ['date'],
    run: ({ date: from, language: wanted, ...span }) => {
      const to = addToDate(text(from), span as Record<string, number>);
      return `${to} (${longDate(to, text(wanted))})`;
    },
  },
  days_between: {
    description: 'How many days lie from one day to another.',
    properties: { from: date, to: date },
    required: ['from', 'to'],
    run: ({ from, to }) => `${text(from)} → ${text(to)}: ${daysBetween(text(from), text(to))}`,
  },
};

/** Tools of our own, which need nothing but the question: they reach nowhere and change nothing. */
export function builtinTools(checks: SchemaChecks, now: () => Date = () => new Date()): Tool[] {
  return Object.entries(described).map(([name, { description, properties, required = [], run }]) => {
    const inputSchema = { type: 'object', properties, required, additionalProperties: false };
    const check = checks.of(inputSchema, { trusted: true });
    return {
      ...{ name: `${builtinServer}.${name}`, server: builtinServer, description, inputSchema },
      check: (given) => check?.(given) ?? null,
      call: async (given) => {
        const result = run(given, now());
        return { text: result, bytes: Buffer.byteLength(result) };
      },
    };
  });
}
