import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const problem = z.object({ code: z.string(), detail: z.string() });

export const documentSchema = z.object({
  id: z.string(),
  external_id: z.string().nullable(),
  version: z.int(),
  status: z.string(),
  is_terminal: z.boolean(),
  metadata: z.record(z.string(), z.unknown()),
  error: problem.nullable(),
  poll_after_ms: z.number().nullable(),
});
export type RemoteDocument = z.output<typeof documentSchema>;
const listSchema = z.object({ items: z.array(documentSchema), next_cursor: z.string().nullable() });

/** What the service refused. `final`: it would refuse every other request as well. */
export class Refused extends Error {
  readonly code: string;
  readonly final: boolean;

  constructor(code: string, detail: string, final: boolean) {
    super(detail);
    this.name = 'Refused';
    this.code = code;
    this.final = final;
  }
}

export interface Service {
  url: string;
  key: string;
  signal: AbortSignal;
}

/** Tries of a request that meets with a broken connection or a server error. */
const tries = 7;
/** Longest time a request waits for a service that says it is busy, in all. */
const patienceMs = 30 * 60_000;

export interface Reply {
  status: number;
  body: unknown;
}

/**
 * One request, again after what may pass: a busy service (429, 503) is asked again when it says so, a broken one after a while.
 * The same Idempotency-Key goes along each time.
 *
 * @throws Refused; the signal's reason once it aborts
 */
export async function send(
  service: Service,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<Reply> {
  const headers = { ...(init.headers as Record<string, string>), 'X-API-Key': service.key };
  const target = new URL(path, service.url);
  const until = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(target, { ...init, method, headers, signal: service.signal });
    service.signal.throwIfAborted();
    if (!(outcome instanceof Trouble)) return outcome;
    if (outcome.busy) attempt -= 1;
    const pauseMs = outcome.retryAfterMs ?? Math.min(15_000, 250 * 2 ** attempt);
    if (attempt === tries || Date.now() + pauseMs > until) throw outcome.error;
    await sleep(pauseMs, undefined, { signal: service.signal });
  }
}

/** A failure that may pass. */
class Trouble {
  readonly error: Refused;
  readonly busy: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(error: Refused, busy: boolean, retryAfterMs?: number) {
    this.error = error;
    this.busy = busy;
    this.retryAfterMs = retryAfterMs;
  }
}

async function once(target: URL, init: RequestInit): Promise<Reply | Trouble> {
  try {
    const response = await fetch(target, init);
    const body = await bodyOf(response);
    if (response.ok) return { status: response.status, body };
    const error = refusal(response, body);
    const retryAfter = response.headers.get('retry-after');
    const busy = [429, 503].includes(response.status) || error.code === 'idempotency_in_progress';
    if (busy || response.status >= 500)
      return new Trouble(
        error,
        busy && retryAfter !== null,
        retryAfter === null ? undefined : Number(retryAfter) * 1000,
      );
    throw error;
  } catch (error) {
    if (error instanceof Refused) throw error;
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
    const detail = `${target.origin} does not answer: ${cause?.code ?? message}.`;
    return new Trouble(new Refused('unreachable', detail, true), false);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  return /[/+]json\b/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
}

function refusal({ status }: Response, body: unknown): Refused {
  const { data } = problem.safeParse(body);
  return new Refused(
    data?.code ?? `http_${status}`,
    data?.detail ?? `The service answers ${status}.`,
    [401, 403].includes(status),
  );
}

/** Throws Refused when nobody is there: at the start that is a wrong address rather than a pause. */
export async function greet({ url, signal }: Service): Promise<void> {
  const outcome = await once(new URL('/health/live', url), { signal });
  signal.throwIfAborted();
  if (outcome instanceof Trouble) throw outcome.error;
}

/** Every document of the collection whose external_id begins so, by external_id. */
export async function listDocuments(
  service: Service,
  { collection, prefix }: { collection: string; prefix: string },
): Promise<Map<string, RemoteDocument>> {
  const found = new Map<string, RemoteDocument>();
  let cursor: string | null = null;
  do {
    const query: Record<string, string> = { limit: '200', collection, external_id_prefix: prefix };
    if (cursor !== null) query.cursor = cursor;
    const { body } = await send(service, 'GET', `/api/v1/documents?${new URLSearchParams(query)}`);
    const page = listSchema.parse(body);
    for (const document of page.items) found.set(document.external_id as string, document);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

export async function getDocument(service: Service, id: string): Promise<RemoteDocument> {
  return documentSchema.parse((await send(service, 'GET', `/api/v1/documents/${id}`)).body);
}

/** Deletes a document; one that is gone already is fine. */
export async function deleteDocument(service: Service, id: string): Promise<void> {
  try {
    await send(service, 'DELETE', `/api/v1/documents/${id}`);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'not_found') throw error;
  }
}
