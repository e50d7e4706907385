import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Allotment, editDraft, readDraft } from '../db/taxonomy-draft.ts';
import {
  decideSuggestion,
  documentsOf,
  findSuggestion,
  listSuggestions,
  readExamples,
  type SuggestionRow,
  suggestionKinds,
  suggestionStatuses,
} from '../db/taxonomy-suggestions.ts';
import { AppError } from '../errors.ts';
import { diffOf } from '../taxonomy/diff.ts';
import { applyEdit, type Edit } from '../taxonomy/edits.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, listOf, pageQuery, storable, timestamp } from './schemas.ts';

const suggestionsPath = '/api/v1/taxonomy/suggestions';
const label = storable(z.string().trim().min(1).max(200).normalize('NFC'));
const reason = storable(z.string().trim().min(1).max(500)).describe('Why, for the history');

const suggestionSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(suggestionKinds),
    node_ids: z
      .array(z.uuid())
      .describe(
        'Of a split the node; of a merge what goes and what it goes into; of a missing one, once accepted, the new one',
      ),
    evidence: z
      .record(z.string(), z.unknown())
      .describe('What speaks for it: numbers, telling words, and ids of documents or of answers as examples'),
    status: z.enum(suggestionStatuses).describe('outdated: the data no longer say so'),
    decided_at: timestamp.nullable(),
    decided_by: z.string().nullable(),
    reason: z.string().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'TaxonomySuggestion' });

const previewSchema = z.object({
  suggestion: suggestionSchema,
  examples: z
    .record(z.string(), z.string())
    .describe('What the ids in the evidence are called, of those still there'),
  preview: z
    .object({
      edit: z.string(),
      added: z.int(),
      removed: z.int(),
      moved: z.int().describe('Nodes with another parent'),
      documents: z.array(z.int()).describe('Documents that each part of a split, or a new node, would get'),
    })
    .nullable()
    .describe('What accepting it would do to the draft; null: it can not be done any more'),
  refused: z.string().nullable().describe('Why it can not'),
});

const acceptance = z.strictObject({
  reason,
  labels: z
    .array(label)
    .max(2)
    .default([])
    .describe(
      'Of a split one for each part, in the order of the evidence; of a missing node its own; of a merge none',
    ),
  parent_id: z.uuid().nullable().default(null).describe('Of a missing node: where it is put; null: a root'),
});

export function taxonomySuggestionRoutes(context: ApiContext): AnyRoute[] {
  const { db, queues } = context;
  const admin = { scope: 'admin', tag: 'taxonomy' } as const;
  const one = { ...admin, params: idParams } as const;
  return [
    route({
      ...admin,
      method: 'get',
      paths: [suggestionsPath],
      summary: 'What the data suggest to change in the taxonomy, newest first',
      query: z.strictObject({ ...pageQuery, status: z.enum(suggestionStatuses).optional() }),
      responses: { 200: { description: 'A page', schema: listOf(suggestionSchema) } },
      handler: async ({ query }) => ({ status: 200, body: await listSuggestions(db, query) }),
    }),
    route({
      ...one,
      method: 'get',
      paths: [`${suggestionsPath}/{id}`],
      summary: 'A suggestion, and what accepting it would change',
      responses: { 200: { description: 'The suggestion', schema: previewSchema } },
      handler: async ({ params }) => ({
        status: 200,
        body: await preview(context, await get(context, params.id)),
      }),
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${suggestionsPath}/{id}/accept`],
      summary: 'Put it into the draft, which is in force once it is published',
      body: acceptance,
      responses: { 200: { description: 'The suggestion', schema: suggestionSchema } },
      handler: async ({ params, body, caller }) => {
        await accept(context, await get(context, params.id), body, caller);
        return { status: 200, body: await get(context, params.id) };
      },
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${suggestionsPath}/{id}/reject`],
      summary: 'Leave it; not suggested again until half as many documents more say so',
      body: z.strictObject({ reason }),
      responses: { 200: { description: 'The suggestion', schema: suggestionSchema } },
      handler: async ({ params, body, caller }) => {
        const { id } = await get(context, params.id);
        const decision = { status: 'rejected', by: caller.name, reason: body.reason } as const;
        const done = await db.transaction((trx) => decideSuggestion(trx, id, decision));
        if (!done) throw decided();
        return { status: 200, body: await get(context, params.id) };
      },
    }),
    route({
      ...admin,
      method: 'post',
      paths: [`${suggestionsPath}/refresh`],
      summary: 'Look at the data now rather than within the hour',
      responses: { 202: { description: 'Begun', schema: z.object({ queued: z.literal(true) }) } },
      handler: async () => {
        await queues.enqueue('suggestTaxonomy', [{}]);
        return { status: 202, body: { queued: true } };
      },
    }),
  ];
}

async function get({ db }: ApiContext, id: string): Promise<SuggestionRow> {
  const row = await findSuggestion(db, id);
  if (!row) throw new AppError('not_found', 'There is no such suggestion.');
  return row;
}

function decided(): AppError {
  return new AppError('conflict', 'The suggestion was decided before, or the data no longer say so.');
}

interface Named {
  labels: string[];
  parentId: string | null;
}

/** The edit that a suggestion comes to, and where documents go by it. */
async function editOf(
  { db }: ApiContext,
  { id, kind, node_ids }: SuggestionRow,
  { labels, parentId }: Named,
) {
  const [first = '', second = ''] = node_ids;
  const documents = await documentsOf(db, id);
  if (kind === 'merge')
    return { edit: { kind, id: first, into: second } satisfies Edit, allotments: [], documents };
  const parts = labels.map((name) => ({ id: randomUUID(), label: name, description: '' }));
  if (kind === 'missing') {
    const [node] = parts as [(typeof parts)[number]];
    return { edit: { kind: 'create', ...node, parentId } satisfies Edit, allotments: [], documents };
  }
  const allotments = documents.flatMap(({ id: documentId, part }): Allotment[] =>
    part === 0 ? [] : [{ documentId, fromId: first, nodeId: parts[part]?.id ?? '' }],
  );
  return { edit: { kind: 'split', id: first, parts } satisfies Edit, allotments, documents };
}

/** Nodes that each kind makes, and names for them. */
const newNodes: Record<SuggestionRow['kind'], number> = { split: 2, missing: 1, merge: 0 };

async function preview(context: ApiContext, suggestion: SuggestionRow) {
  const { db, config } = context;
  // Names that no node has.
  const labels = Array.from({ length: newNodes[suggestion.kind] }, () => randomUUID());
  const { edit, documents } = await editOf(context, suggestion, { labels, parentId: null });
  const counts = [0, 1].map((part) => documents.filter((one) => one.part === part).length);
  const shown = { suggestion, examples: await examplesOf(context, suggestion) };
  try {
    const { taxonomy } = await readDraft(db);
    const diff = diffOf(taxonomy, applyEdit(taxonomy, edit, { depth: config.TAXONOMY_DEPTH }));
    const changes = { added: diff.added.length, removed: diff.removed.length, moved: diff.moved.length };
    const parts = suggestion.kind === 'split' ? counts : counts.slice(0, 1);
    return {
      ...shown,
      preview: { edit: edit.kind, ...changes, documents: suggestion.kind === 'merge' ? [] : parts },
      refused: null,
    };
  } catch (error) {
    if (error instanceof AppError) return { ...shown, preview: null, refused: error.message };
    throw error;
  }
}

async function examplesOf({ db }: ApiContext, { evidence }: SuggestionRow): Promise<Record<string, string>> {
  const {
    examples = [],
    answers = [],
    parts = [],
  } = evidence as {
    examples?: string[];
    answers?: string[];
    parts?: { examples: string[] }[];
  };
  const ids = [...examples, ...parts.flatMap((part) => part.examples)];
  const { titles, questions } = await readExamples(db, ids, answers);
  return Object.fromEntries([...titles, ...questions]);
}

async function accept(
  context: ApiContext,
  suggestion: SuggestionRow,
  { reason: why, labels, parent_id: parentId }: z.output<typeof acceptance>,
  caller: { id: string; name: string },
): Promise<void> {
  const wanted = newNodes[suggestion.kind];
  if (labels.length !== wanted) {
    const message = `a suggestion of kind ${suggestion.kind} takes ${wanted} of them`;
    throw new AppError('validation_failed', `/labels: ${message}.`, {
      errors: [{ pointer: '/labels', message }],
    });
  }
  const { edit, allotments } = await editOf(context, suggestion, { labels, parentId });
  const { kind, id: nodeId, ...details } = edit;
  await context.db.transaction(async (trx) => {
    const made = kind === 'create' ? { nodeIds: [nodeId] } : {};
    if (
      !(await decideSuggestion(trx, suggestion.id, {
        status: 'accepted',
        by: caller.name,
        reason: why,
        ...made,
      }))
    )
      throw decided();
    await editDraft(trx, { id: caller.id, name: caller.name, reason: why }, undefined, {
      ...{ action: kind, nodeId, details: { ...details, suggestion: suggestion.id }, allotments },
      change: (draft) => applyEdit(draft, edit, { depth: context.config.TAXONOMY_DEPTH }),
    });
  });
}
