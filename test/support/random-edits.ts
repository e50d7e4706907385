import type { Edit } from '../../src/taxonomy/edits.ts';
import type { Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import type { Random } from '../chaos/random.ts';

const labels = ['Leave', 'Pay', 'Travel', 'Safety', 'Tools', '휴가', 'A/B', '~'];

/** Any edit of a small taxonomy, also such as can't be made; `newId` names what it makes. */
export function editAtRandom({ nodes }: Taxonomy, random: Random, newId: () => string): Edit {
  const ids = [...nodes.keys()];
  const label = random.pick(labels);
  const parentId = random.int(5) === 0 ? null : (pick(ids, random) ?? null);
  const node = pick(ids, random);
  const other = pick(ids, random);
  if (node === undefined || other === undefined || random.int(60) > ids.length)
    return { kind: 'create', id: newId(), label, description: '', parentId };
  const reassignTo = random.pick([undefined, null, other]);
  return random.pick<() => Edit>([
    () => ({ kind: 'create', id: newId(), label, description: `About ${label}`, parentId }),
    () => ({ kind: 'change', id: node, label }),
    () => ({ kind: 'change', id: node, description: `${label}, no. ${random.int(1000)}` }),
    () => ({ kind: 'move', id: node, parentId }),
    () => ({ kind: 'merge', id: node, into: other }),
    () => ({ kind: 'split', id: node, parts: partsOf(newId, [nodes.get(node)?.label ?? '', label]) }),
    () => ({ kind: 'delete', id: node, reassignTo, branch: random.int(4) === 0 }),
    () => ({ kind: 'add_parent', id: node, parentId: other }),
    () => ({ kind: 'remove_parent', id: node, parentId: nodes.get(node)?.otherParents[0] ?? other }),
  ])();
}

function partsOf(newId: () => string, labels: string[]) {
  return labels.map((label) => ({ id: newId(), label, description: '' }));
}

function pick(ids: readonly string[], random: Random): string | undefined {
  return ids.length === 0 ? undefined : random.pick(ids);
}
