import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { findPath } from '../db/taxonomy.ts';
import { type DraftEdit, discardDraft, editDraft, readDraft } from '../db/taxonomy-draft.ts';
import { lastChange } from '../db/taxonomy-history.ts';
import { AppError } from '../errors.ts';
import { applyEdit, type Edit } from '../taxonomy/edits.ts';
import { pathOf, resolve, type Taxonomy } from '../taxonomy/taxonomy.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Caller, type Reply, route } from './route.ts';
import { idParams, taxonomyPath } from './schemas.ts';
import {
  description,
  editorOf,
  etagOf,
  label,
  path,
  reason,
  seenChange,
  taxonomyPrefix,
} from './taxonomy-schemas.ts';

const nodesPath = `${taxonomyPrefix}/nodes`;

const editedSchema = z
  .object({
    version: z.string().describe('Where the edit is: `draft`, until that is published'),
    node: z
      .object({
        id: z.uuid(),
        label: z.string(),
        description: z.string(),
        path,
        parent_id: z.uuid().nullable(),
        other_parents: z.array(z.uuid()),
      })
      .nullable()
      .describe('As it is after the edit; of one that is gone what stands for it, null: nothing does'),
    parts: z.array(z.object({ id: z.uuid(), path })).describe('Of a split'),
    nodes: z.int().describe('How many the draft has'),
  })
  .meta({ id: 'TaxonomyEdit' });

const admin = { scope: 'admin', tag: 'taxonomy' } as const;
const responses = {
  200: { description: 'The draft has it; its ETag goes with the next edit', schema: editedSchema },
};
const one = { ...admin, params: idParams, responses } as const;
const why = { reason: reason.optional() };
const parentFields = {
  parent_id: z.uuid().nullable().optional().describe('null: a root'),
  parent_path: taxonomyPath.optional().describe('Instead of parent_id; [] is the root'),
};

export function taxonomyEditRoutes(context: ApiContext): AnyRoute[] {
  const edit = editor(context);
  return [
    route({
      ...admin,
      method: 'post',
      paths: [nodesPath],
      creates: true,
      summary: 'Create a node in the draft, which is begun from the version in force where there is none',
      body: z.strictObject({ label, description: description.default(''), ...parentFields, ...why }),
      responses: { 201: { description: 'The node', schema: editedSchema } },
      handler: async ({ body, caller, raw, workId }) => {
        const parentId = await parentOf(context, body);
        const created: Edit = {
          ...{ kind: 'create', id: workId, label: body.label, description: body.description, parentId },
        };
        return { ...(await edit(created, { caller, raw, reason: body.reason })), status: 201 };
      },
    }),
    route({
      ...one,
      method: 'patch',
      paths: [`${nodesPath}/{id}`],
      summary: 'Rename or describe a node; paths below follow, and old paths still lead there',
      body: z
        .strictObject({ label: label.optional(), description: description.optional(), ...why })
        .refine(
          ({ label, description }) => label !== undefined || description !== undefined,
          'give label or description',
        ),
      handler: ({ params, body: { reason, ...change }, caller, raw }) =>
        edit({ kind: 'change', ...params, ...change }, { caller, raw, reason }),
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${nodesPath}/{id}/move`],
      summary: 'Put a node with all below it under another parent',
      body: z.strictObject({ ...parentFields, ...why }),
      handler: async ({ params, body, caller, raw }) => {
        if (body.parent_id === undefined && body.parent_path === undefined)
          throw invalid('/parent_id', 'say where to: parent_id (null: a root) or parent_path');
        const parentId = await parentOf(context, body);
        return edit({ kind: 'move', ...params, parentId }, { caller, raw, reason: body.reason });
      },
    }),
    route({
      ...one,
      method: 'post',
      paths: [`${nodesPath}/{id}/merge`],
      summary:
        'Make one node of two: documents and children go to the target, children of one name become one',
      body: z.strictObject({ target_id: z.uuid(), ...why }),
      handler: ({ params, body, caller, raw }) =>
        edit({ kind: 'merge', ...params, into: body.target_id }, { caller, raw, reason: body.reason }),
    }),
    splitRoute(edit),
    deleteRoute(edit),
    ...parentRoutes(edit),
  ];
}

function splitRoute(edit: EditDraft): AnyRoute {
  const part = z.strictObject({
    label,
    description: description.default(''),
    document_ids: z
      .array(z.uuid())
      .max(10_000)
      .default([])
      .describe('Documents of the node that go to this part'),
  });
  return route({
    ...one,
    method: 'post',
    paths: [`${nodesPath}/{id}/split`],
    summary: 'Make several nodes of one; the first takes its children and all documents not named by others',
    body: z.strictObject({ parts: z.array(part).min(2).max(50), ...why }),
    handler: ({ params, body, caller, raw }) => {
      const parts = body.parts.map((given) => ({ ...given, id: randomUUID() }));
      const allotments = parts.flatMap(({ id, document_ids }) =>
        document_ids.map((documentId) => ({ documentId, fromId: params.id, nodeId: id })),
      );
      const plain = parts.map(({ id, label, description }) => ({ id, label, description }));
      return edit(
        { kind: 'split', ...params, parts: plain },
        { caller, raw, reason: body.reason, allotments },
      );
    },
  });
}

function deleteRoute(edit: EditDraft): AnyRoute {
  return route({
    ...one,
    method: 'delete',
    paths: [`${nodesPath}/{id}`],
    summary: 'Take a node away',
    query: z.strictObject({
      reassign_to: z
        .union([z.uuid(), z.literal('none')])
        .optional()
        .describe('What takes its documents; none: they stand nowhere. Left out: its parent'),
      children: z
        .enum(['lift', 'delete'])
        .default('lift')
        .describe('lift: they become children of its parent; delete: they go with it, and all below'),
      reason: reason.optional(),
    }),
    handler: ({ params, query, caller, raw }) => {
      const reassignTo = query.reassign_to === 'none' ? null : query.reassign_to;
      const deleted = { kind: 'delete', ...params, reassignTo, branch: query.children === 'delete' } as const;
      return edit(deleted, { caller, raw, reason: query.reason });
    },
  });
}

function parentRoutes(edit: EditDraft): AnyRoute[] {
  const params = z.strictObject({ id: z.uuid(), parent: z.uuid() });
  const paths = [`${nodesPath}/{id}/parents/{parent}`] as const;
  return [
    route({
      ...{ ...one, params, paths: [...paths] },
      method: 'put',
      summary:
        'A further parent: filters by that branch find what is below the node, restrictions of keys do not',
      handler: ({ params: { id, parent }, caller, raw }) =>
        edit({ kind: 'add_parent', id, parentId: parent }, { caller, raw, reason: undefined }),
    }),
    route({
      ...{ ...one, params, paths: [...paths] },
      method: 'delete',
      summary: 'Take a further parent away',
      handler: ({ params: { id, parent }, caller, raw }) =>
        edit({ kind: 'remove_parent', id, parentId: parent }, { caller, raw, reason: undefined }),
    }),
  ];
}

export function discardRoute({ db }: ApiContext): AnyRoute {
  return route({
    ...admin,
    method: 'delete',
    paths: [`${taxonomyPrefix}/draft`],
    summary: 'Give the draft up',
    query: z.strictObject({ reason: reason.optional() }),
    responses: { 204: { description: 'There is none, or none any more' } },
    handler: async ({ query, caller, raw }) => {
      await discardDraft(db, editorOf(caller, query.reason), seenChange(raw));
      return { status: 204 };
    },
  });
}

interface Asked {
  caller: Caller;
  raw: Request;
  reason: string | undefined;
  allotments?: DraftEdit['allotments'];
}
type EditDraft = (edit: Edit, asked: Asked) => Promise<Reply>;

function editor({ db, config }: ApiContext): EditDraft {
  return async (edit, { caller, raw, reason: given, allotments = [] }) => {
    const { kind, id, ...details } = edit;
    const { draft, seq } = await editDraft(db, editorOf(caller, given), seenChange(raw), {
      ...{ action: kind, nodeId: id, details, allotments },
      change: (before) => applyEdit(before, edit, { depth: config.TAXONOMY_DEPTH }),
    });
    const body = {
      version: (await readDraft(db)).version,
      node: describe(draft, resolve(draft, id)),
      parts:
        edit.kind === 'split'
          ? edit.parts.map((part) => ({ id: part.id, path: pathOf(draft, part.id) ?? [] }))
          : [],
      nodes: draft.nodes.size,
    };
    return { status: 200, body, headers: { ETag: etagOf(seq ?? (await lastChange(db)), body) } };
  };
}

function describe(draft: Taxonomy, id: string | undefined) {
  const node = id === undefined ? undefined : draft.nodes.get(id);
  if (!node) return null;
  const { label, description, parentId, otherParents } = node;
  return {
    ...{ id: node.id, label, description, path: pathOf(draft, node.id) ?? [] },
    ...{ parent_id: parentId, other_parents: [...otherParents] },
  };
}

/** null: the root. */
async function parentOf(
  { db }: ApiContext,
  { parent_id, parent_path }: { parent_id?: string | null | undefined; parent_path?: string[] | undefined },
): Promise<string | null> {
  if (parent_id !== undefined && parent_path !== undefined)
    throw invalid('/parent_path', 'say either parent_id or parent_path');
  if (parent_path === undefined || parent_path.length === 0) return parent_id ?? null;
  const { version } = await readDraft(db);
  const id = await findPath(db, version, parent_path);
  if (id === undefined) throw invalid('/parent_path', `there is no such path in ${version}: create it first`);
  return id;
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('validation_failed', `${pointer}: ${message}.`, { errors: [{ pointer, message }] });
}
