import type { Fault, Scene } from '../fault.ts';
import { allTiers } from '../fault.ts';
import type { Entry } from '../ledger.ts';
import type { Planned } from '../plan.ts';

const copies = 100;

export const duplicateSubmit: Fault = {
  name: 'duplicate-submit',
  says: 'the same document (by external_id), batch and question (by Idempotency-Key) arrive 100 times at once',
  tiers: allTiers,
  inject: async (scene, n) => {
    for (const planned of submissions(n)) await submitAtOnce(scene, planned);
  },
};

function submissions(n: number): Planned[] {
  const text = `Herd ${n} drank from well ${n * 3}, which is ${n + 7} metres deep.`;
  const item = (part: number) => ({
    external_id: `herd-${n}-${part}`,
    title: `Herd ${n}`,
    text: `${text} ${part}`,
  });
  return [
    { kind: 'document', key: `herd-${n}`, externalIds: [`herd-${n}-0`], body: item(0) },
    {
      kind: 'batch',
      key: `herds-${n}`,
      externalIds: [`herd-${n}-1`, `herd-${n}-2`],
      body: { items: [item(1), item(2)] },
    },
    {
      kind: 'answer',
      key: `herd-question-${n}`,
      externalIds: [],
      body: { question: `How deep is the well of herd ${n}?`, deadline_ms: 3_600_000 },
    },
  ];
}

/** One entry in the ledger, a hundred callers: all must be told the same id. */
async function submitAtOnce({ submit, ledger, exceeded }: Scene, planned: Planned): Promise<void> {
  const tries = Array.from({ length: copies }, (): Entry => ({ ...planned, cutOff: 0, away: 0, putOff: 0 }));
  await Promise.all(tries.map((entry) => submit(entry)));
  const ids = new Set(tries.map((entry) => entry.ack?.id ?? `none (${entry.refusal})`));
  if (ids.size > 1) exceeded(`${planned.key} was given ${ids.size} ids: ${[...ids].slice(0, 3).join(', ')}`);
  ledger.push(tries.find((entry) => entry.ack) ?? (tries[0] as Entry));
}
