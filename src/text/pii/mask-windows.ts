import { type Finding, findPii, reach } from './find-pii.ts';
import { type Masked, maskFindings } from './mask.ts';

/** A piece of a text, masked; `moved` takes offsets within the piece. */
export interface MaskedPiece extends Masked {
  /** Where the piece begins in the original text, and how long it is there. */
  start: number;
  length: number;
}

export interface WindowMasker {
  /** Takes the next part of a text of any length; gives back what can no longer depend on what follows. */
  push(window: string): MaskedPiece;
  /** The rest. */
  end(): MaskedPiece;
}

/**
 * Masks a text that comes in windows exactly as `maskText` masks the whole: a number that a boundary cuts, or whose label
 * stands in the window before, is found all the same. Holds the last `reach` characters back until more has come, and as
 * many of what was given back.
 */
export function createWindowMasker(): WindowMasker {
  let context = '';
  let pending = '';
  let start = 0;

  function give(last: boolean): MaskedPiece {
    const from = context.length;
    const text = context + pending;
    const findings = [...findPii(text)].filter((finding) => finding.start >= from);
    const cut = last ? text.length : settledUpTo(Math.max(from, text.length - reach), findings);
    const own = findings.filter((finding) => finding.end <= cut);
    const piece = {
      ...maskFindings(
        text.slice(from, cut),
        own.map((finding) => ({ ...finding, start: finding.start - from, end: finding.end - from })),
      ),
      start,
      length: cut - from,
    };
    start += cut - from;
    context = text.slice(Math.max(0, cut - reach), cut);
    pending = text.slice(cut);
    return piece;
  }

  return {
    push(window) {
      pending += window;
      return give(false);
    },
    end: () => give(true),
  };
}

/** Not within a finding. */
function settledUpTo(limit: number, findings: readonly Finding[]): number {
  return findings.find(({ start, end }) => start < limit && end > limit)?.start ?? limit;
}
