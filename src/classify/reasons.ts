import type { Decision } from './decide.ts';
import type { Signal } from './explain.ts';

interface Named {
  path: readonly string[];
}

/** Why this was decided, in sentences: the decision first, then what spoke for the likeliest node, strongest first. */
export function reasonsFor(
  { node, confidence, review, backedOff }: Decision<Named>,
  likeliest: Named,
  signals: readonly Signal[],
  threshold: number,
): string[] {
  const name = ({ path }: Named) => JSON.stringify(path.join(' / '));
  const sure = `${confidence.toFixed(2)}, the threshold is ${threshold.toFixed(2)}`;
  const first = review
    ? `${name(node)} is likeliest, but too unsure to be assigned (${sure}).`
    : backedOff
      ? `${name(likeliest)} is likeliest, but only ${name(node)} above it is sure (${sure}).`
      : `${name(node)} is likeliest (${sure}).`;
  const said = signals.map(({ detail, weight }) =>
    weight >= 0 ? `For it: ${detail}.` : `Against it: ${detail}.`,
  );
  return [first, ...said];
}
