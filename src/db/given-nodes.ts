import type { Knex } from 'knex';

/** The node that was given with the document, instead of the one before; the caller tells the corpus. null: none was. */
export async function setGiven(
  trx: Knex.Transaction,
  documentId: string,
  nodeId: string | null,
): Promise<void> {
  await trx.raw(
    `delete from document_nodes where document_id = :documentId and source = 'given' and node_id is distinct from :nodeId::uuid`,
    { documentId, nodeId },
  );
  if (nodeId === null) return;
  await trx('document_nodes')
    .insert({ document_id: documentId, node_id: nodeId, source: 'given' })
    .onConflict(['document_id', 'node_id'])
    .merge({ source: 'given', confidence: 1, evidence: null });
}
