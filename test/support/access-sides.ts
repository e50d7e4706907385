import { defaultCollection } from '../../src/access.ts';
import { addDocuments, ask, type Client, createKey, ended, type TestService } from './service.ts';

export const kinds = [
  'document',
  'answer',
  'batch',
  'operation',
  'webhook',
  'delivery',
  'example',
  'task',
] as const;
export type Kind = (typeof kinds)[number];

/** A key that is to see nothing of the others, with what it made. */
export interface Side {
  name: string;
  client: Client;
  /** Stands in everything that it sends, and nobody else ever sends it. */
  canary: string;
  /** Stands in everything it sends as well; the others look for it. */
  probe: string;
  /** What every document of its own is said to be. */
  place: { collection?: string; taxonomy_path: string[] };
  /** Things of its own, by kind. */
  ids: Record<Kind, Set<string>>;
  /** Documents that it never changes or deletes itself. */
  frozen: string[];
}

/** A document of the side, however often it is made. */
export function noteOf({ canary, probe, place }: Side, n: number | string): Record<string, unknown> {
  return {
    ...{ ...place, external_id: `${canary}-${n}`, title: `${canary} ${n}`, author: canary },
    source_url: `https://example.org/${canary}/${n}`,
    text: `The ${probe} barge number ${n} carries ${canary} gravel to the mill on Mondays.`,
    metadata: { owner: canary, common: true, doomed: typeof n === 'number' },
  };
}

/** Nobody listens there, which is all that is needed: what is sent is shown to its owner either way. */
export const webhookOf = ({ canary }: Side) => ({
  url: `http://127.0.0.1:9/${canary}`,
  events: ['answer.completed', 'ingestion_batch.completed'],
  description: canary,
});

/**
 * Two keys of collections of their own, and two that share one and have branches of the taxonomy of their own, all in one
 * corpus, with something of every kind.
 */
export async function createSides(service: TestService): Promise<Side[]> {
  const sides: Side[] = [];
  for (const name of ['red', 'blue', 'left', 'right']) {
    const canary = `canary${name}zq`;
    const byCollection = name === 'red' || name === 'blue';
    // The "/" within a label is one that has to be written otherwise in the permission.
    const branch = `${name}/${canary}`;
    const path = `taxonomy:${branch.replace('/', '~1')}`;
    const { client } = await createKey(service, {
      scope: 'write',
      permissions: byCollection ? [`collection:${name}`] : [`collection:${defaultCollection}`, path],
    });
    sides.push({
      ...{ name, client, canary, probe: `probe${name}zq`, frozen: [] },
      place: byCollection
        ? { collection: name, taxonomy_path: [`${name} ${canary}`] }
        : { taxonomy_path: [branch, 'Below'] },
      ids: Object.fromEntries(kinds.map((kind) => [kind, new Set<string>()])) as Side['ids'],
    });
  }
  // What one was answered must help nobody else.
  const flag = '/api/v1/admin/flags/neural_case_selector';
  await service.admin.put(flag, { enabled: true, reason: 'the walk' });
  for (const side of sides) {
    await seed(side);
    await seedReview(side, service);
  }
  return sides;
}

async function seed(side: Side): Promise<void> {
  const { canary, client, ids, probe } = side;
  const notes = ['kept', 'also kept', 1, 2].map((n) => noteOf(side, n));
  // A name that the others know, and use themselves.
  const named = { ...noteOf(side, 'named'), external_id: probe };
  const added = await addDocuments(client, [...notes, named]);
  side.frozen = added
    .filter(({ metadata, external_id }) => !metadata.doomed && external_id !== probe)
    .map(({ id }) => id);
  for (const { id } of added) ids.document.add(id);
  for (const { id } of (await client.get('/api/v1/ingestion-batches')).body.items) ids.batch.add(id);
  const made = await client.post('/api/v1/webhooks', webhookOf(side));
  const hook = made.body.webhook;
  ids.webhook.add(hook.id);
  const answer = await ask(client, { question: `What does the ${probe} barge carry, ${canary}?` });
  ids.answer.add(answer.id);
  for (const { id } of (await client.get(`/api/v1/webhooks/${hook.id}/deliveries`)).body.items)
    ids.delivery.add(id);
  const batch = await client.post('/api/v1/ingestion-batches', { items: [noteOf(side, 3)] });
  ids.batch.add(batch.body.id);
  await ended(client, batch.body.links.self);
  const [item] = (await client.get(batch.body.links.items)).body.items;
  const deleted = await client.delete(`/api/v1/documents/${item.document_id}`);
  ids.operation.add(deleted.body.id);
  await ended(client, deleted.body.links.self);
}

/** An example made of each of its frozen documents, and as many documents that a person should place. */
async function seedReview({ client, frozen, ids, place }: Side, { sql }: TestService): Promise<void> {
  for (const document_id of frozen) {
    const taught = await client.post('/api/v1/classify/examples', {
      canonical: place.taxonomy_path,
      document_id,
    });
    if (taught.status !== 201) throw new Error(`no example: ${taught.text}`);
    ids.example.add(taught.body.id);
    const [task] = await sql.query<{ id: string }>(
      `insert into review_tasks (document_id, node_id, confidence, priority) values ($1, $2, .5, .5) returning id`,
      [document_id, taught.body.node_id],
    );
    ids.task.add((task as { id: string }).id);
  }
}
