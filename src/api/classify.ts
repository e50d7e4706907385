import { z } from 'zod';
import type { Classified } from '../classify/classification.ts';
import { accuracyOf, crossCheck } from '../classify/cross-check.ts';
import { findCheck, readModelRecord } from '../db/classify-checks.ts';
import { findDocument } from '../db/documents.ts';
import { versionInForce } from '../db/taxonomy.ts';
import { listNodes } from '../db/taxonomy-tree.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { storable } from './schemas.ts';

const longestText = 100_000;
const mostSuggestions = z.int().min(1).max(20).default(5);

/** As many as a model was shown of a document at most. */
const leastAsked = 8;

/** Exactly one of the two. */
const one = z
  .strictObject({
    text: storable(z.string().trim().min(1).max(longestText)).optional(),
    document_id: z.uuid().optional(),
  })
  .refine(({ text, document_id }) => (text === undefined) !== (document_id === undefined), {
    error: 'give either text or document_id',
  });

const request = z
  .strictObject({
    text: storable(z.string().trim().min(1).max(longestText)).optional(),
    document_id: z.uuid().optional(),
    max_suggestions: mostSuggestions,
  })
  .refine(({ text, document_id }) => (text === undefined) !== (document_id === undefined), {
    error: 'give either text or document_id',
    path: ['text'],
  });

const probability = z.number().min(0).max(1);

export const candidateSchema = z.object({
  node_id: z.uuid(),
  label: z.string(),
  canonical_path: z.array(z.string()),
  confidence: probability,
});

export const classifiedSchema = z
  .object({
    canonical: z
      .array(z.string())
      .describe('Path of the node; of a parent where only that is sure; empty: none'),
    node_id: z.uuid().nullable(),
    confidence: probability.describe('Of the node and all below it where it is a parent'),
    hitl: z.boolean().describe('Below the threshold: a person should look'),
    candidates: z.array(candidateSchema).describe('Likeliest first'),
    reasoning: z.array(z.string()),
    signals: z.array(
      z.object({
        kind: z.enum(['rule', 'example', 'meaning', 'words', 'model']),
        detail: z.string(),
        weight: z.number().describe('What it adds to the log odds; below 0 it speaks against the node'),
      }),
    ),
    taxonomy_version: z.string(),
  })
  .meta({ id: 'Classification' });

export function classifyRoutes(context: ApiContext): AnyRoute[] {
  const read = { method: 'post', scope: 'read', tag: 'classification' } as const;
  return [
    route({
      ...read,
      paths: ['/api/v1/classify', '/classify'],
      summary: 'Where a text or a document belongs in the taxonomy, by words and meaning; nothing is stored',
      body: request,
      responses: { 200: { description: 'The node, and what else it might be', schema: classifiedSchema } },
      handler: async ({ body, caller, signal }) => {
        const { max_suggestions: most } = body;
        return { status: 200, body: await classifyOne(context, body, { most, caller, signal }) };
      },
    }),
    route({
      ...read,
      paths: ['/api/v1/classify/batch'],
      summary: 'The same for up to 100 texts or documents, in their order',
      body: z.strictObject({ items: z.array(one).min(1).max(100), max_suggestions: mostSuggestions }),
      responses: {
        200: { description: 'In order', schema: z.object({ items: z.array(classifiedSchema) }) },
      },
      handler: async ({ body, caller, signal }) => {
        const items: Classified[] = [];
        for (const item of body.items)
          items.push(await classifyOne(context, item, { most: body.max_suggestions, caller, signal }));
        return { status: 200, body: { items } };
      },
    }),
  ];
}

interface Asked {
  text?: string | undefined;
  document_id?: string | undefined;
}

async function classifyOne(
  { classification, config, db }: ApiContext,
  { text, document_id }: Asked,
  { most, caller, signal }: { most: number; caller: Caller; signal: AbortSignal },
): Promise<Classified> {
  const { access } = caller;
  const known = await shownNodes(db, access);
  const view = { threshold: config.CLASSIFY_THRESHOLD, most, access, shown: known };
  if (document_id === undefined) {
    const [found] = await classification.texts([text as string], view, signal);
    return found as Classified;
  }
  const seen = await findDocument(db, document_id, caller.access);
  const wide = { ...view, most: Math.max(most, leastAsked) };
  const found = seen && (await classification.document(document_id, wide));
  if (!found) throw new AppError('not_found', '/document_id: there is no such document that can be found.');
  const { lesson, chunks: _chunks, nodes: _nodes, text: _text, ...shown } = found;
  // What a model says of it may name nodes that a restricted key is not to know.
  const { length } = lesson.nodes;
  const checked = access
    ? shown
    : await withKnownCheck(db, document_id, shown, length, config.CLASSIFY_THRESHOLD);
  return { ...checked, candidates: checked.candidates.slice(0, most) };
}

/** As its classification has it where a language model was asked: that is not asked again here. */
async function withKnownCheck(
  db: ApiContext['db'],
  documentId: string,
  found: Classified,
  nodes: number,
  threshold: number,
): Promise<Classified> {
  const check = (await findCheck(db, documentId))?.check;
  if (!check) return found;
  const accuracy = accuracyOf(await readModelRecord(db, check.model));
  return crossCheck(found, { check, accuracy }, { threshold, chance: 1 / nodes });
}

/** Nodes that a key may be told of by name; undefined: all. A key of a collection knows a node by documents of its own there. */
export async function shownNodes(
  db: ApiContext['db'],
  access: Caller['access'],
): Promise<ReadonlySet<string> | undefined> {
  if (!access) return undefined;
  return new Set((await listNodes(db, await versionInForce(db), access)).map(({ id }) => id));
}
