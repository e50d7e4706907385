import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Example } from './corpus.ts';

const problem = z.object({ detail: z.string() });
const failure = problem.nullish();

const documentSchema = z.object({
  id: z.string(),
  status: z.string(),
  is_terminal: z.boolean(),
  chunk_count: z.number(),
  error: failure,
  poll_after_ms: z.number().nullish(),
});
export type DocumentResource = z.infer<typeof documentSchema>;

const sourceSchema = z.object({
  n: z.number(),
  title: z.string().nullable(),
  quote: z.string(),
  char_range: z.tuple([z.number(), z.number()]),
  page: z.number().nullable(),
  verified: z.boolean(),
});

/** A finished answer; an unfinished one carries neither text nor sources yet. */
const answerSchema = z.object({
  status: z.string(),
  is_terminal: z.boolean(),
  answer: z.string().nullish(),
  abstained: z.boolean().nullish(),
  model: z.string().nullish(),
  degraded: z.string().nullish(),
  sources: z.array(sourceSchema).nullish(),
  confidence: z.number().nullish(),
  error: failure,
  poll_after_ms: z.number().nullish(),
  links: z.object({ self: z.string() }),
});
export type AnswerResource = z.infer<typeof answerSchema>;

/** Where the service is, who asks, and when to stop asking. */
export interface Service {
  url: string;
  key: string;
  signal: AbortSignal;
}

const answerLimitMs = 90_000;
const triesWhenBusy = 5;
const longestPauseSeconds = 30;

/** Posts one file; the service answers at once with the document as it stands: accepted, not yet read. */
export async function postDocument(
  service: Service,
  example: Example,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<DocumentResource> {
  const body = new FormData();
  body.set('external_id', example.external_id);
  body.set('title', example.title);
  body.set('language', example.language);
  body.set('taxonomy_path', JSON.stringify(example.taxonomy_path));
  body.set('file', new Blob([bytes]), example.file);
  return documentSchema.parse(await request(service, '/api/v1/documents', { method: 'POST', body }));
}

export async function getDocument(service: Service, id: string): Promise<DocumentResource> {
  return documentSchema.parse(await request(service, `/api/v1/documents/${id}`));
}

/** Asks and waits for the end of the answer, whatever it is. Throws when it does not end within 90 s. */
export async function ask(service: Service, question: string): Promise<AnswerResource> {
  const deadline = Date.now() + answerLimitMs;
  let answer = answerSchema.parse(
    await request(service, '/api/v1/answers', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'wait=30' },
      body: JSON.stringify({ question }),
    }),
  );
  while (!answer.is_terminal) {
    if (Date.now() > deadline) throw new Error(`no answer within ${answerLimitMs / 1000} s`);
    await sleep(answer.poll_after_ms ?? 500, undefined, { signal: service.signal });
    answer = answerSchema.parse(await request(service, answer.links.self));
  }
  return answer;
}

/** The JSON body of the response. A service that is busy (429, 503) is asked again after the time it names. */
async function request(service: Service, path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = { ...(init.headers as Record<string, string>), 'X-API-Key': service.key };
  const target = new URL(path, service.url);
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(target, { ...init, headers, signal: service.signal });
    if (response.ok) return response.json();
    const seconds = pauseWhenBusy(response);
    if (seconds === null || attempt === triesWhenBusy) {
      throw new Error(`${init.method ?? 'GET'} ${target.pathname}: ${await reason(response)}`);
    }
    await response.body?.cancel();
    await sleep(seconds * 1000, undefined, { signal: service.signal });
  }
}

/** Seconds after which to ask again; null when that can't help, or is too far off to wait for. */
function pauseWhenBusy({ status, headers }: Response): number | null {
  if (status !== 429 && status !== 503) return null;
  const seconds = Number(headers.get('retry-after') ?? 1);
  return seconds <= longestPauseSeconds ? seconds : null;
}

/** Status and detail of a problem document; the status alone where a proxy or a crash sent something else. */
async function reason(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.headers.get('content-type')?.includes('json')) return String(response.status);
  const { data } = problem.safeParse(JSON.parse(text));
  return `${response.status} ${data?.detail ?? ''}`.trim();
}
