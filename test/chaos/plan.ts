import type { Random } from './random.ts';

export type Kind = 'document' | 'version' | 'batch' | 'answer' | 'delete';

/** One request of the load, as it is decided before the run. */
export interface Planned {
  kind: Kind;
  /** Unique; the Idempotency-Key where the route honours one and nothing else names the work. */
  key: string;
  /** The documents it brings; for a delete, the one that goes. */
  externalIds: string[];
  body: Record<string, unknown> | undefined;
  /** Position of the request that must have been accepted before. */
  after?: number;
}

/** A mix of documents, new versions, batches of three, deletes and questions: the same for the same seed. */
export function planLoad(random: Random, count: number): Planned[] {
  const plan: Planned[] = [];
  const single: number[] = [];
  /** An old document, so that it has probably ended; it is used once. */
  const takeOld = () =>
    single.length > 20 ? single.splice(random.int(single.length - 20), 1)[0] : undefined;
  for (let n = 0; n < count; n++) {
    const dice = random.next();
    const old = dice < 0.09 ? takeOld() : undefined;
    if (old !== undefined) plan.push(dice < 0.05 ? newVersion(n, old) : deletion(n, old));
    else if (dice < 0.14) plan.push(batch(n));
    else if (dice < 0.55) {
      single.push(n);
      plan.push(document(n));
    } else plan.push(question(n));
  }
  return plan;
}

const externalId = (n: number, part = 0) => `caravan-${n}-${part}`;

function content(n: number, part: number, edition: number) {
  const days = Array.from(
    { length: 4 },
    (_, day) =>
      `On day ${day} caravan ${n} walked ${n + day + edition} kilometres and rested by well ${day * n + part}.`,
  );
  return { external_id: externalId(n, part), title: `Caravan ${n}`, text: days.join(' ') };
}

function document(n: number): Planned {
  return { kind: 'document', key: `document-${n}`, externalIds: [externalId(n)], body: content(n, 0, 0) };
}

function newVersion(n: number, old: number): Planned {
  const body = content(old, 0, 1000);
  return { kind: 'version', key: `version-${n}`, externalIds: [externalId(old)], body, after: old };
}

function deletion(n: number, old: number): Planned {
  return { kind: 'delete', key: `delete-${n}`, externalIds: [externalId(old)], body: undefined, after: old };
}

function batch(n: number): Planned {
  const parts = [0, 1, 2];
  return {
    kind: 'batch',
    key: `batch-${n}`,
    externalIds: parts.map((part) => externalId(n, part)),
    body: { items: parts.map((part) => content(n, part, 0)) },
  };
}

function question(n: number): Planned {
  // A deadline of its own: an answer that expires in an outage would be the deadline's doing.
  const body = { question: `How far did caravan ${n} walk on day 3?`, deadline_ms: 3_600_000 };
  return { kind: 'answer', key: `answer-${n}`, externalIds: [], body };
}
