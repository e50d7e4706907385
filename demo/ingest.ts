import { setTimeout as sleep } from 'node:timers/promises';
import { type DocumentResource, getDocument, postDocument, type Service } from './client.ts';
import { type Example, readExample } from './corpus.ts';

export interface Ingested {
  example: Example;
  document: DocumentResource;
}

const limitMs = 300_000;

/**
 * Posts every example and follows all until each has come to an end, good or bad.
 * After five minutes it stops following: what is unfinished then keeps the status it had.
 */
export async function ingest(
  service: Service,
  examples: Example[],
  onProgress: (ingested: Ingested[]) => void,
): Promise<Ingested[]> {
  const ingested: Ingested[] = [];
  for (const example of examples) {
    ingested.push({ example, document: await post(service, example) });
    onProgress(ingested);
  }
  const deadline = Date.now() + limitMs;
  let open = unfinished(ingested);
  while (open.length > 0 && Date.now() < deadline) {
    await sleep(pause(open), undefined, { signal: service.signal });
    for (const one of open) one.document = await getDocument(service, one.document.id);
    onProgress(ingested);
    open = unfinished(ingested);
  }
  return ingested;
}

async function post(service: Service, example: Example): Promise<DocumentResource> {
  try {
    return await postDocument(service, example, await readExample(example));
  } catch (error) {
    service.signal.throwIfAborted();
    throw new Error(`${example.file} was not accepted: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function unfinished(ingested: Ingested[]): Ingested[] {
  return ingested.filter(({ document }) => !document.is_terminal);
}

/** As long as the service asks for, but the bar should move at least every two seconds. */
function pause(open: Ingested[]): number {
  return Math.min(2_000, ...open.map(({ document }) => document.poll_after_ms ?? 500));
}
