import { z } from 'zod';
import { refuseOutside } from '../access.ts';
import { at, coverageCurve, riskArea, thresholdFor } from '../classify/risk-coverage.ts';
import { compilePattern } from '../classify/rules.ts';
import { deleteExample, findExample, insertExample, listExamples } from '../db/classify-examples.ts';
import { findRules, putRules } from '../db/classify-rules.ts';
import { countDue, markDue } from '../db/classify-work.ts';
import { findDocument } from '../db/documents.ts';
import { measureAgreement } from '../db/review-tasks.ts';
import { findNode } from '../db/taxonomy-node.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { keptText } from './kept-text.ts';
import { onlyPaths } from './review-tasks.ts';
import { type AnyRoute, route } from './route.ts';
import {
  idParams,
  isStorable,
  listOf,
  pageQuery,
  storable,
  taxonomyPath,
  timestamp,
  unstorable,
} from './schemas.ts';

const exampleSchema = z
  .object({
    id: z.uuid(),
    node_id: z.uuid(),
    path: z.array(z.string()).nullable().describe('null: the node is not in force any more'),
    document_id: z.uuid().nullable(),
    text: z.string().nullable(),
    source: z.enum(['given', 'review']),
    created_by: z.string(),
    created_at: timestamp,
  })
  .meta({ id: 'LabelledExample' });

const newExample = z
  .strictObject({
    node_id: z.uuid().optional(),
    canonical: taxonomyPath.min(1).optional(),
    text: storable(z.string().trim().min(1).max(20_000)).optional(),
    document_id: z.uuid().optional(),
  })
  .refine(({ node_id, canonical }) => (node_id === undefined) !== (canonical === undefined), {
    error: 'give either node_id or canonical',
    path: ['node_id'],
  })
  .refine(({ text, document_id }) => (text === undefined) !== (document_id === undefined), {
    error: 'give either text or document_id',
    path: ['text'],
  });

const examplesPath = '/api/v1/classify/examples';
const common = { scope: 'write', tag: 'classification' } as const;

export function exampleRoutes(context: ApiContext): AnyRoute[] {
  return [
    listRoute(context),
    addRoute(context),
    removeRoute(context),
    ...ruleRoutes(context),
    reportRoute(context),
  ];
}

function listRoute({ db }: ApiContext): AnyRoute {
  return route({
    ...common,
    method: 'get',
    paths: [examplesPath],
    summary:
      'Labelled examples, newest first; documents that came with a path are examples without standing here',
    query: z.strictObject({ ...pageQuery, node_id: z.uuid().optional() }),
    responses: { 200: { description: 'A page', schema: listOf(exampleSchema) } },
    handler: async ({ query, caller }) => {
      const { limit, cursor, node_id: nodeId } = query;
      return { status: 200, body: await listExamples(db, { limit, cursor, nodeId }, caller.access) };
    },
  });
}

function addRoute(context: ApiContext): AnyRoute {
  const { db, queues } = context;
  return route({
    ...common,
    method: 'post',
    audited: true,
    creates: true,
    paths: [examplesPath],
    summary: 'A text or a document that belongs at a node; learned from at once',
    body: newExample,
    responses: { 201: { description: 'The example', schema: exampleSchema } },
    handler: async ({ body, caller, audit }) => {
      const { document_id: documentId } = body;
      if (documentId !== undefined && !(await findDocument(db, documentId, caller.access)))
        throw new AppError('not_found', '/document_id: there is no such document.');
      // A bare text belongs to no collection: only who sees everything may teach by it.
      if (documentId === undefined && caller.access)
        throw new AppError(
          'forbidden',
          '/text: a restricted key teaches by documents of its own: give document_id.',
        );
      const content =
        documentId === undefined ? { text: keptText(context, body.text as string) } : { documentId };
      const example = await db.transaction(async (trx) => {
        const node = await findNode(trx, (body.node_id ?? body.canonical) as string | string[]);
        if (!node)
          throw new AppError(
            'unknown_taxonomy_path',
            'The taxonomy in force has no such node: create it first.',
          );
        refuseOutside(onlyPaths(caller), { collection: '', taxonomyPath: node.path });
        const id = await insertExample(trx, { nodeId: node.id, by: caller.name, source: 'given', content });
        await markDue(trx, [node.id]);
        const made = await findExample(trx, id, caller.access);
        await audit.write(trx, {
          target: `${examplesPath}/${id}`,
          after: { node_id: node.id, path: node.path, document_id: documentId ?? null },
        });
        return made;
      });
      await queues.enqueue('classifyDue', [{}]);
      return { status: 201, body: example };
    },
  });
}

function removeRoute({ db, queues }: ApiContext): AnyRoute {
  return route({
    ...common,
    method: 'delete',
    audited: true,
    paths: [`${examplesPath}/{id}`],
    summary: 'Nothing is learned from it any more; a document that it placed stays where it is',
    params: idParams,
    responses: { 204: { description: 'Gone' } },
    handler: async ({ params, caller, audit }) => {
      const example = await findExample(db, params.id, caller.access);
      if (!example) throw new AppError('not_found', 'There is no such example.');
      await db.transaction(async (trx) => {
        await deleteExample(trx, example.id);
        await markDue(trx, [example.node_id]);
        const { node_id, path, document_id } = example;
        await audit.write(trx, {
          target: `${examplesPath}/${example.id}`,
          before: { node_id, path, document_id },
        });
      });
      await queues.enqueue('classifyDue', [{}]);
      return { status: 204 };
    },
  });
}

const ruleSchema = z.strictObject({
  kind: z
    .enum(['keyword', 'pattern'])
    .describe('keyword: a word or phrase in any form; pattern: RE2, whatever the case'),
  value: z.string().trim().min(1).max(500).refine(isStorable, unstorable),
  confidence: z.number().min(0.5).max(0.99).default(0.9).describe('Where nothing else is known'),
});
const rulesSchema = z
  .object({
    node_id: z.uuid(),
    path: z.array(z.string()),
    rules: z.array(ruleSchema),
    updated_by: z.string().nullable(),
    updated_at: timestamp.nullable(),
  })
  .meta({ id: 'NodeRules' });

function ruleRoutes({ db, queues }: ApiContext): AnyRoute[] {
  const shared = {
    scope: 'admin',
    tag: 'classification',
    paths: ['/api/v1/taxonomy/nodes/{id}/rules'],
    params: idParams,
    responses: { 200: { description: 'The rules', schema: rulesSchema } },
  } as const;
  const find = async (id: string) => {
    const found = await findRules(db, id);
    if (!found) throw new AppError('not_found', 'The taxonomy in force has no such node.');
    return found;
  };
  return [
    route({
      ...shared,
      method: 'get',
      summary: 'What says by itself that a text belongs to the node',
      handler: async ({ params }) => ({ status: 200, body: await find(params.id) }),
    }),
    route({
      ...shared,
      method: 'put',
      summary: 'All rules of the node; documents that it concerns are classified again',
      body: z.strictObject({ rules: z.array(ruleSchema).max(100) }),
      handler: async ({ params, body, caller, audit }) => {
        const before = await find(params.id);
        for (const [i, { kind, value }] of body.rules.entries()) if (kind === 'pattern') refuseBad(value, i);
        await db.transaction(async (trx) => {
          await putRules(trx, params.id, body.rules, caller.name);
          await markDue(trx, [params.id]);
          await audit.write(trx, { before: before.rules, after: body.rules });
        });
        await queues.enqueue('classifyDue', [{}]);
        return { status: 200, body: await find(params.id) };
      },
    }),
  ];
}

function refuseBad(pattern: string, i: number): void {
  try {
    compilePattern(pattern);
  } catch (error) {
    const message = `is no RE2 pattern (${(error as Error).message}): no back references or look-around`;
    const pointer = `/rules/${i}/value`;
    throw new AppError('validation_failed', `${pointer}: ${message}`, { errors: [{ pointer, message }] });
  }
}

const point = z.object({ threshold: z.number(), coverage: z.number(), accuracy: z.number() });
const reportSchema = z
  .object({
    taxonomy_version: z.string(),
    classes: z.int(),
    examples: z.int(),
    unlabelled: z.int().describe('Documents without a node that were learned from'),
    waiting: z.int().describe('Documents still to be classified'),
    threshold: z.number(),
    cross_validated: z
      .object({
        accuracy: z.number(),
        risk_area: z.number(),
        at_threshold: point,
        threshold_for_95: z.number().describe('From there on 95 % of the examples are right; 1: unknown'),
        curve: z.array(point),
      })
      .nullable()
      .describe('What examples got from a classifier that did not know them; null without examples'),
    nodes: z.array(
      z.object({
        node_id: z.uuid(),
        path: z.array(z.string()),
        approved: z.int(),
        corrected: z.int(),
        waiting: z.int(),
        agreement: z.number().nullable(),
        drift: z.number().nullable().describe('Agreement of the last 30 days less that before'),
      }),
    ),
  })
  .meta({ id: 'ClassificationReport' });

function reportRoute({ classification, config, db }: ApiContext): AnyRoute {
  return route({
    method: 'get',
    scope: 'admin',
    tag: 'classification',
    paths: ['/api/v1/admin/classification'],
    summary: 'How good the classifier is by its own examples and by its reviewers',
    responses: { 200: { description: 'The report', schema: reportSchema } },
    handler: async () => {
      const learned = await classification.current();
      const judged = (learned.classifier?.judged ?? []).map(({ probabilities, of }) => {
        const confidence = Math.max(...probabilities);
        return { confidence, right: probabilities[of] === confidence };
      });
      const threshold = config.CLASSIFY_THRESHOLD;
      return {
        status: 200,
        body: {
          taxonomy_version: learned.taxonomyVersion,
          classes: learned.nodes.length,
          examples: learned.examples.length,
          unlabelled: learned.classifier?.usesPool ? learned.pool.length : 0,
          waiting: await countDue(db),
          threshold,
          cross_validated:
            judged.length === 0
              ? null
              : {
                  accuracy: at(judged, 0).accuracy,
                  risk_area: riskArea(judged),
                  at_threshold: at(judged, threshold),
                  threshold_for_95: thresholdFor(judged, 0.95),
                  curve: coverageCurve(judged),
                },
          nodes: await measureAgreement(db),
        },
      };
    },
  });
}
