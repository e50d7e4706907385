// Intl.Segmenter takes time that grows with the square of the string (20 s for 160,000 Korean characters on Node 20), so it
// is only ever given a window.
const windowLength = 250;
// A boundary this close to the window's end might fall elsewhere if the segmenter saw what follows.
const context = 40;

/**
 * Offsets where a segment of the text ends, ascending, its end included; linear in the text's length. A segment longer
 * than a few hundred characters is found all the same; only a single grapheme of that length would be cut.
 */
export function* segmentEnds(text: string, segmenter: Intl.Segmenter): Generator<number> {
  let from = 0;
  while (from < text.length) {
    const to = Math.min(from + windowLength, text.length);
    const last = to === text.length;
    let confirmed = from;
    for (const { index, segment } of segmenter.segment(text.slice(from, to))) {
      const end = from + index + segment.length;
      if (!last && end > to - context) break;
      confirmed = end;
      yield end;
    }
    if (last) return;
    from = confirmed > from ? confirmed : resume(text, from, to - context);
  }
}

/** Where to go on after a window without a boundary: at white space if there is some, never inside a surrogate pair. */
function resume(text: string, from: number, to: number): number {
  const space = text.lastIndexOf(' ', to);
  if (space > from + windowLength / 4) return space;
  return /[\udc00-\udfff]/.test(text.charAt(to)) ? to + 1 : to;
}
