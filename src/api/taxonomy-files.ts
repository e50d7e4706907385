import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { editDraft } from '../db/taxonomy-draft.ts';
import { lastChange } from '../db/taxonomy-history.ts';
import { readTaxonomy } from '../db/taxonomy-snapshot.ts';
import { fileFormats, mediaTypes, readFile, writeFile } from '../taxonomy/file-formats.ts';
import { importNodes } from '../taxonomy/import.ts';
import { refuseNewProblems } from '../taxonomy/validate.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import {
  editorOf,
  etagOf,
  knownVersion,
  path,
  reason,
  refuseRestricted,
  seenChange,
  taxonomyPrefix,
  versionParam,
} from './taxonomy-schemas.ts';

const fileSchema = z
  .object({
    nodes: z.array(z.object({ id: z.uuid(), path, description: z.string(), other_parents: z.array(path) })),
  })
  .meta({ id: 'TaxonomyFile' });

const importedSchema = z.object({ version: z.string(), nodes: z.int().describe('How many the draft has') });

export function taxonomyFileRoutes(context: ApiContext): AnyRoute[] {
  const { db, config } = context;
  return [
    route({
      method: 'get',
      scope: 'read',
      tag: 'taxonomy',
      paths: [`${taxonomyPrefix}/{v}/export`],
      summary: 'A version as a file: JSON, CSV (text/csv) or SKOS in Turtle (text/turtle)',
      params: versionParam,
      query: z.strictObject({ format: z.enum(fileFormats).default('json') }),
      responses: { 200: { description: 'The file', schema: fileSchema } },
      handler: async ({ params, query: { format }, caller }) => {
        refuseRestricted(caller);
        const { version } = await knownVersion(context, params.v, caller);
        const text = writeFile(await readTaxonomy(db, version), format);
        return { status: 200, send: (response) => void response.type(mediaTypes[format]).send(text) };
      },
    }),
    route({
      method: 'post',
      scope: 'admin',
      tag: 'taxonomy',
      paths: [`${taxonomyPrefix}/import`],
      summary: 'Bring the nodes of a file into the draft, which is published like any other edit',
      body: z.strictObject({
        format: z.enum(fileFormats),
        content: z
          .string()
          .max(900_000)
          .describe('The file as text; paths are `A/B`, with / as ~1 and ~ as ~0, but in JSON lists'),
        replace: z.boolean().default(false).describe('Takes away what the file does not have'),
        reason: reason.optional(),
      }),
      responses: { 200: { description: 'The draft has them', schema: importedSchema } },
      handler: async ({ body: { format, content, replace, reason: given }, caller, raw }) => {
        const nodes = readFile(content, format);
        const { draft, seq } = await editDraft(db, editorOf(caller, given), seenChange(raw), {
          ...{ action: 'import', details: { format, replace, nodes: nodes.length } },
          change: (before) => {
            const after = importNodes(before, nodes, { replace, newId: randomUUID });
            refuseNewProblems(before, after, { depth: config.TAXONOMY_DEPTH }, 'import');
            return after;
          },
        });
        const body = { version: 'draft', nodes: draft.nodes.size };
        return { status: 200, body, headers: { ETag: etagOf(seq ?? (await lastChange(db)), body) } };
      },
    }),
  ];
}
