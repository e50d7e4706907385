// Hangul, kana, ideographs, fullwidth forms and pictographs: two columns in a terminal (Unicode TR 11, classes W and F).
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const zeroWidth = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** Columns that the text takes in a terminal. */
export function displayWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return columns;
}

/** The text as lines of at most `columns` columns, broken at white space, and inside a word only when it alone is wider. */
export function wrap(text: string, columns: number): string[] {
  return text.split(/\n+/).flatMap((line) => wrapLine(line, columns));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const piece of line.split(/\s+/).flatMap((word) => pieces(word, columns))) {
    const joined = current === '' ? piece : `${current} ${piece}`;
    if (displayWidth(joined) > columns) {
      lines.push(current);
      current = piece;
    } else {
      current = joined;
    }
  }
  return current === '' ? lines : [...lines, current];
}

function pieces(word: string, columns: number): string[] {
  const result: string[] = [];
  let piece = '';
  for (const character of word) {
    if (piece !== '' && displayWidth(piece + character) > columns) {
      result.push(piece);
      piece = '';
    }
    piece += character;
  }
  return piece === '' ? result : [...result, piece];
}
