import { z } from 'zod';
import type { Scope } from '../db/api-keys.ts';
import { describeAnswer, describeHealth, describeSearch, describeWork } from './describe.ts';

export interface OfferedTool {
  title: string;
  description: string;
  /** Keys of a smaller scope are not offered it. */
  scope: Scope;
  input: z.ZodType;
  readOnly: boolean;
  /** The route that does it, and its reply in words. */
  call(given: never): {
    route: string;
    params?: Record<string, string>;
    body?: unknown;
    headers?: Record<string, string>;
  };
  describe(body: never): string;
}

function tool<S extends z.ZodType, B>(
  spec: Omit<OfferedTool, 'input' | 'call' | 'describe'> & {
    input: S;
    call: (given: z.output<S>) => ReturnType<OfferedTool['call']>;
    describe: (body: B) => string;
  },
): OfferedTool {
  return spec as unknown as OfferedTool;
}

const collections = z
  .array(z.string())
  .max(100)
  .optional()
  .describe('Only documents of these collections; left out: all that the key may see');
const among = (wanted: string[] | undefined) => (wanted ? { filters: { collections: wanted } } : {});

/** What the service offers to clients of the Model Context Protocol: routes of the API under other names. */
export const offeredTools: Record<string, OfferedTool> = {
  search: tool({
    title: 'Search the documents',
    description: 'Finds passages of the documents by words and meaning, best first, with where they stand.',
    scope: 'read',
    readOnly: true,
    input: z.strictObject({
      query: z.string().min(1).max(2000).describe('A question or words, in any language of the documents'),
      max_results: z.int().min(1).max(50).default(10),
      collections,
    }),
    call: ({ query, max_results, collections: wanted }) => ({
      route: 'POST /api/v1/search',
      body: { q: query, max_results, include_highlights: false, ...among(wanted) },
    }),
    describe: describeSearch,
  }),
  ask: tool({
    title: 'Ask a question',
    description:
      'Answers a question from the documents, with the sources that carry each sentence; says so when they hold no answer. One that takes longer than wait_seconds comes as an answer_id, for status.',
    scope: 'read',
    readOnly: true,
    input: z.strictObject({
      question: z.string().min(1).max(2000),
      mode: z.enum(['answer', 'summary', 'keypoints']).default('answer'),
      collections,
      wait_seconds: z.int().min(0).max(50).default(30),
    }),
    call: ({ question, mode, collections: wanted, wait_seconds }) => ({
      route: 'POST /api/v1/answers',
      body: { question, mode, ...among(wanted) },
      headers: { prefer: `wait=${wait_seconds}` },
    }),
    describe: describeAnswer,
  }),
  ingest: tool({
    title: 'Add a document',
    description:
      'Adds a document, given as text or as a URL, or a new version of the one with this external_id. It can be found once status says ready.',
    scope: 'write',
    readOnly: false,
    input: z.strictObject({
      text: z.string().min(1).max(900_000).optional(),
      url: z.string().max(2000).optional().describe('Fetched by the service instead of text'),
      title: z.string().min(1).max(500).optional(),
      external_id: z.string().min(1).max(500).optional().describe('Your name of it'),
      collection: z.string().optional(),
    }),
    call: (body) => ({ route: 'POST /api/v1/documents', body }),
    describe: describeWork,
  }),
  status: tool({
    title: 'See how far something is',
    description: 'An answer or a document by its id, or without one: whether the service is well.',
    scope: 'read',
    readOnly: true,
    input: z
      .strictObject({ answer_id: z.uuid().optional(), document_id: z.uuid().optional() })
      .refine((ids) => ids.answer_id === undefined || ids.document_id === undefined, 'give one id or none'),
    call: ({ answer_id, document_id }) => {
      if (answer_id) return { route: 'GET /api/v1/answers/{id}', params: { id: answer_id } };
      if (document_id) return { route: 'GET /api/v1/documents/{id}', params: { id: document_id } };
      return { route: 'GET /health' };
    },
    describe: (body: Record<string, unknown>) => {
      if ('question' in body) return describeAnswer(body as never);
      return 'checks' in body ? describeHealth(body as never) : describeWork(body as never);
    },
  }),
};
