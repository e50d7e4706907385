/** What of a probability can be acted upon. */
export interface Decision<Node> {
  /** The node to assign: the likeliest one, or the deepest above it that is sure enough. */
  node: Node;
  confidence: number;
  /** Too unsure for any node: a person should look. */
  review: boolean;
  /** Whether `node` is an ancestor of what is likeliest, because that alone was too unsure. */
  backedOff: boolean;
}

/** A place in the tree, with the probability of it and all below it. */
export interface Weighed<Node> {
  node: Node;
  /** Of this very node. */
  own: number;
  /** Of it or any below it, beyond what every class has. */
  within: number;
}

/**
 * Probabilities of the tree, likeliest node first. `nodes` and `probabilities` are of the same length; the first `classes` of them
 * are what was told apart, the others are only above. What all classes have alike is ignorance: it speaks for none of them, and for
 * a branch no more because that has many.
 */
export function weighTree<Node extends { path: readonly string[] }>(
  nodes: readonly Node[],
  probabilities: Float64Array,
  classes = nodes.length,
): Weighed<Node>[] {
  const alike = probabilities.subarray(0, classes).reduce((least, one) => Math.min(least, one), 1);
  const within = new Map<string, number>();
  for (const [i, { path }] of nodes.entries())
    for (let depth = 1; depth <= path.length; depth++) {
      const key = keyOf(path.slice(0, depth));
      within.set(key, (within.get(key) ?? 0) + Math.max(0, (probabilities[i] as number) - alike));
    }
  const weighed = nodes.map((node, i) => ({
    node,
    own: probabilities[i] as number,
    within: Math.min(1, within.get(keyOf(node.path)) ?? 0),
  }));
  // By path where they are equal, so that the order is the same everywhere.
  return weighed.sort((a, b) => b.own - a.own || (keyOf(a.node.path) < keyOf(b.node.path) ? -1 : 1));
}

/** Undefined without nodes. Its ancestors are asked from the likeliest node upwards: how deep one can be sure. */
export function decide<Node extends { path: readonly string[] }>(
  weighed: readonly Weighed<Node>[],
  threshold: number,
): Decision<Node> | undefined {
  const [best] = weighed;
  if (!best) return undefined;
  if (best.own >= threshold)
    return { node: best.node, confidence: best.own, review: false, backedOff: false };
  // The deepest place that is sure enough; of two, the likelier.
  const sure = weighed
    .filter(({ within }) => within >= threshold)
    .sort((a, b) => b.node.path.length - a.node.path.length || b.within - a.within)[0];
  if (sure)
    return {
      node: sure.node,
      confidence: sure.within,
      review: false,
      backedOff: sure.node.path.length < best.node.path.length,
    };
  return { node: best.node, confidence: best.own, review: true, backedOff: false };
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}
