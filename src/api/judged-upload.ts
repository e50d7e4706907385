import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { z } from 'zod';
import { readUpload } from '../db/blobs.ts';
import type { Db } from '../db/connect.ts';
import { AppError, type InputProblem } from '../errors.ts';
import { describeIssues } from './route.ts';
import type { Upload } from './upload.ts';

const mostProblems = 20;
/** Other requests get their turn after so many lines. */
const linesATime = 500;

/** For the OpenAPI document: what the form looks like. */
export const judgedForm = z
  .object({
    file: z
      .string()
      .meta({ format: 'binary' })
      .describe('JSON lines, one query each: {"id", "text", "judgements": [{"external_id", "gain"}]}'),
    name: z.string().optional(),
    strategies: z.string().describe('JSON, e.g. ["keyword","hybrid"]').optional(),
    filters: z.string().describe('JSON object').optional(),
  })
  .meta({ id: 'JudgedFile' });

/**
 * The request of a form: its fields, those that aren't text as JSON, and the queries of its file. Only what stands in no
 * line is left to check: the whole against the request's schema. Throws `validation_failed` with the lines that are wrong.
 */
export async function readJudgedFile<Q>(
  db: Db,
  { fields, files }: Upload,
  query: z.ZodType<Q>,
  mostQueries: number,
): Promise<Record<string, unknown> & { queries: Q[] }> {
  const problems: InputProblem[] = [];
  const given = Object.entries(fields).map(([name, value]) => [name, fieldOf(name, value, problems)]);
  const queries: Q[] = [];
  let n = 0;
  const parts = files[0] ? readUpload(db, files[0].staged.uploadId) : [];
  for await (const line of createInterface({
    input: Readable.from(parts),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    n++;
    if (n % linesATime === 0) await yieldToOthers();
    if (line.trim() === '') continue;
    const parsed = query.safeParse(parseJson(line));
    if (parsed.success) queries.push(parsed.data);
    else problems.push(...describeIssues(parsed.error, `/file/${n}`));
    if (queries.length > mostQueries)
      problems.push({ pointer: '/file', message: `at most ${mostQueries} queries` });
    if (problems.length >= mostProblems || queries.length > mostQueries) break;
  }
  if (queries.length === 0 && problems.length === 0)
    problems.push({ pointer: '/file', message: 'the file holds no query: write one JSON object a line' });
  const [first] = problems;
  if (first)
    throw new AppError('validation_failed', `${first.pointer}: ${first.message}`, { errors: problems });
  return { ...Object.fromEntries(given), queries };
}

/** Undefined, which fits no schema, for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldOf(name: string, value: string, problems: InputProblem[]): unknown {
  if (name === 'name') return value;
  const parsed = parseJson(value);
  if (parsed === undefined) problems.push({ pointer: `/${name}`, message: 'must be JSON' });
  return parsed;
}
