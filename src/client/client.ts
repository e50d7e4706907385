import { type FollowOptions, followAnswer } from './follow-answer.ts';
import { type ClientOptions, createSend, type Send, sendPatiently } from './http.ts';
import type {
  Answer,
  AnswerEvent,
  AskOptions,
  Document,
  DocumentFields,
  SearchOptions,
  SearchResult,
  WaitOptions,
} from './types.ts';
import { waitForEnd } from './wait.ts';

/** Something that was accepted and ends by itself. */
export interface Handle<T> {
  /** As it was accepted; the id is in it. Throws ApiError when it was refused, as everything else here does then. */
  accepted: Promise<T>;
  /** Once it has ended, whichever way: see its status. Throws WaitTimeout at the deadline; it goes on meanwhile. */
  wait(options?: WaitOptions): Promise<T>;
}

export interface AnswerHandle extends Handle<Answer> {
  /** What happens, as it happens, to the terminal event; each loop over it begins at the beginning, or `after`. */
  events(options?: FollowOptions): AsyncGenerator<AnswerEvent>;
  /** Ends it; one that has ended stays as it is. */
  cancel(): Promise<Answer>;
}

export interface Client {
  /** Asks. `await client.ask('…').wait()`, or `for await (const event of client.ask('…').events())`. */
  ask(question: string, options?: AskOptions): AnswerHandle;
  /** An answer that was asked for before. */
  answer(id: string): AnswerHandle;
  search(question: string, options?: SearchOptions, signal?: AbortSignal): Promise<SearchResult>;
  /** A document given as text or as a URL. */
  addDocument(document: DocumentFields & ({ text: string } | { url: string })): Handle<Document>;
  /** A document given as a file; its name tells text formats apart. */
  uploadDocument(file: Blob, name: string, fields?: DocumentFields): Handle<Document>;
  document(id: string): Handle<Document>;
}

/** A client of the service; needs nothing but fetch. */
export function createClient(options: ClientOptions): Client {
  const send = createSend(options);
  const post = <T>(path: string, content: { json: unknown } | { form: FormData }): Promise<T> =>
    // With one key for all tries, what was accepted and not heard of is not accepted again.
    read(
      sendPatiently(send, path, {
        method: 'POST',
        ...content,
        headers: { 'Idempotency-Key': crypto.randomUUID() },
      }),
    );
  const get = <T>(path: string): Promise<T> => read(sendPatiently(send, path));
  return {
    ask: (question, more = {}) => answerHandle(send, post(paths.answers, { json: { question, ...more } })),
    answer: (id) => answerHandle(send, get(`${paths.answers}/${id}`)),
    search: (q, more = {}, signal) =>
      read(sendPatiently(send, paths.search, { method: 'POST', json: { q, ...more }, signal })),
    addDocument: (document) => handle(send, post(paths.documents, { json: document })),
    uploadDocument: (file, name, fields = {}) =>
      handle(send, post(paths.documents, { form: formOf(file, name, fields) })),
    document: (id) => handle(send, get(`${paths.documents}/${id}`)),
  };
}

export const paths = {
  answers: '/api/v1/answers',
  search: '/api/v1/search',
  documents: '/api/v1/documents',
} as const;

interface Linked {
  is_terminal: boolean;
  links: { self: string };
}

function handle<T extends Linked>(send: Send, accepted: Promise<T>): Handle<T> {
  // Whoever waits hears of a refusal; until then it must not count as unhandled.
  accepted.catch(() => undefined);
  return {
    accepted,
    wait: async (options = {}) => {
      const first = await accepted;
      return waitForEnd(send, first.links.self, options, first);
    },
  };
}

function answerHandle(send: Send, accepted: Promise<Answer>): AnswerHandle {
  return {
    ...handle(send, accepted),
    async *events(options) {
      const { links } = await accepted;
      yield* followAnswer(send, `${links.self}/events`, options);
    },
    cancel: async () => {
      const { links } = await accepted;
      return read(sendPatiently(send, links.cancel, { method: 'POST' }));
    },
  };
}

async function read<T>(response: Promise<Response>): Promise<T> {
  return (await (await response).json()) as T;
}

/** A form has text fields alone: what is no text goes as JSON. */
function formOf(file: Blob, name: string, fields: DocumentFields): FormData {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields))
    if (value !== undefined) form.set(field, typeof value === 'string' ? value : JSON.stringify(value));
  form.set('file', file, name);
  return form;
}
