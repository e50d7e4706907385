export type RtfToken =
  | { kind: 'open' }
  | { kind: 'close' }
  /** `\b0`: word `b`, value 0. */
  | { kind: 'word'; word: string; value: number | undefined }
  /** Bytes in the code page in force. */
  | { kind: 'bytes'; bytes: Buffer };

const [backslash, brace, closing, quote] = [0x5c, 0x7b, 0x7d, 0x27];

/** Tokens of an RTF file (Rich Text Format Specification 1.9.1, "RTF Syntax"). Binary data is passed over. */
export function* rtfTokens(source: Buffer): Generator<RtfToken> {
  let at = 0;
  while (at < source.length) {
    const byte = source[at];
    if (byte === brace || byte === closing) {
      yield { kind: byte === brace ? 'open' : 'close' };
      at += 1;
    } else if (byte === backslash) {
      const { token, end } = control(source, at + 1);
      if (token !== undefined) yield token;
      at = end;
    } else {
      const end = endOfText(source, at);
      const bytes = source.subarray(at, end).filter((one) => one !== 10 && one !== 13 && one !== 0);
      if (bytes.length > 0) yield { kind: 'bytes', bytes: Buffer.from(bytes) };
      at = end;
    }
  }
}

function endOfText(source: Buffer, from: number): number {
  let at = from;
  while (at < source.length && source[at] !== brace && source[at] !== closing && source[at] !== backslash)
    at += 1;
  return at;
}

function control(source: Buffer, at: number): { token?: RtfToken; end: number } {
  const first = source[at] ?? 0;
  if (first === quote) {
    const value = Number.parseInt(source.toString('latin1', at + 1, at + 3), 16);
    return Number.isNaN(value)
      ? { end: at + 1 }
      : { token: { kind: 'bytes', bytes: Buffer.from([value]) }, end: at + 3 };
  }
  const match = /^([A-Za-z]{1,32})(-?\d{1,10})?( ?)/.exec(source.toString('latin1', at, at + 45));
  if (match === null) return { token: symbol(first), end: at + 1 };
  const [all, word = '', digits] = match;
  const value = digits === undefined ? undefined : Number(digits);
  const end = at + all.length;
  // \binN is followed by N bytes of anything.
  if (word === 'bin') return { end: Math.min(end + Math.max(value ?? 0, 0), source.length) };
  return { token: { kind: 'word', word, value }, end };
}

/** Control symbols: an escaped character, or a word of one sign. A line end after a backslash is a paragraph. */
function symbol(byte: number): RtfToken {
  const sign = String.fromCharCode(byte);
  if (sign === '\n' || sign === '\r') return { kind: 'word', word: 'par', value: undefined };
  if ('\\{}'.includes(sign)) return { kind: 'bytes', bytes: Buffer.from([byte]) };
  return { kind: 'word', word: sign, value: undefined };
}
