import { analyse } from 'chardet';
import iconv from 'iconv-lite';

const replacement = '\ufffd';

/**
 * Bytes as text, in whatever encoding they are: a byte order mark decides; then UTF-8 if the bytes are valid as such;
 * UTF-16 by its pattern of zero bytes; the declared encoding if it decodes cleanly; CP949 (the superset of EUC-KR),
 * Shift JIS or EUC-JP if that gives Korean or Japanese; else the likeliest guess. Never throws: what can't be decoded becomes U+FFFD.
 *
 * @param declared name of an encoding from a header or a meta element
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  const buffer = asBuffer(bytes);
  const marked = encodingOfMark(buffer);
  if (marked !== undefined) return iconv.decode(buffer, marked);
  const wide = wideEncoding(buffer);
  if (wide !== undefined) return iconv.decode(buffer, wide);
  const utf8 = decodeUtf8(buffer);
  if (utf8 !== undefined) return utf8;
  if (declared !== undefined && iconv.encodingExists(declared)) {
    const text = iconv.decode(buffer, declared);
    if (!text.includes(replacement)) return text;
  }
  for (const { encoding, own, mark } of eastAsian) {
    const text = iconv.decode(buffer, encoding);
    if (encoding === 'cp949' && !hasCommonHangul(buffer)) continue;
    if (isWrittenIn(text, own, mark)) return text;
  }
  return decodeKanji(buffer) ?? decodeByGuess(buffer);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Encoding by byte order mark. */
export function encodingOfMark(buffer: Buffer): string | undefined {
  if (buffer.length >= 3 && buffer.readUIntBE(0, 3) === 0xefbbbf) return 'utf8';
  if (buffer.length >= 4 && buffer.readUInt32BE(0) === 0xfffe0000) return 'utf32le';
  if (buffer.length >= 4 && buffer.readUInt32BE(0) === 0x0000feff) return 'utf32be';
  if (buffer.length >= 2 && buffer.readUInt16BE(0) === 0xfffe) return 'utf16le';
  if (buffer.length >= 2 && buffer.readUInt16BE(0) === 0xfeff) return 'utf16be';
  return undefined;
}

/**
 * UTF-16 without a mark: its spaces, line ends and digits have a zero byte, always on the same side, beside a byte of
 * printable ASCII. UTF-8 and the 8-bit encodings have no zero bytes, and other files have pairs of them.
 */
function wideEncoding(buffer: Buffer): string | undefined {
  const sample = buffer.subarray(0, 4096);
  if (sample.length < 4 || buffer.length % 2 !== 0) return undefined;
  let little = 0;
  let big = 0;
  for (let i = 0; i + 1 < sample.length; i += 2) {
    const [first = 0, second = 0] = sample.subarray(i, i + 2);
    if (first === 0 && second === 0) return undefined;
    if (second === 0 && isPrintable(first)) little += 1;
    if (first === 0 && isPrintable(second)) big += 1;
  }
  const enough = (sample.length / 2) * 0.05;
  if (little > enough && little > big * 4) return 'utf16le';
  if (big > enough && big > little * 4) return 'utf16be';
  return undefined;
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13;
}

function decodeUtf8(buffer: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer);
  } catch {
    return undefined; // not UTF-8: an answer, not a failure
  }
}

// Statistics need more text than a small table has; these encodings give themselves away by what they decode to.
const hangul = /[가-힣]/g;
const kana = /[\u3041-\u30ff]/g;
const japanese = /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uff5e]/g;
// Japanese first: read as CP949 it can look Korean, while Korean read as either of the others has hardly any kana.
const eastAsian = [
  { encoding: 'shift_jis', own: japanese, mark: kana },
  { encoding: 'euc-jp', own: japanese, mark: kana },
  { encoding: 'cp949', own: hangul, mark: hangul },
] as const;

/**
 * Whether most two-byte characters are in the plane of KS X 1001, where all common syllables are: Japanese read as CP949
 * gives rare ones, from what CP949 adds to it.
 */
function hasCommonHangul(buffer: Buffer): boolean {
  const sample = buffer.subarray(0, 200_000);
  let common = 0;
  let all = 0;
  for (let i = 0; i + 1 < sample.length; i += 1) {
    if ((sample[i] ?? 0) < 0x81) continue;
    all += 1;
    if ((sample[i] ?? 0) >= 0xa1 && (sample[i + 1] ?? 0) >= 0xa1) common += 1;
    i += 1;
  }
  return common >= all * 0.6;
}

/** Most of what is not ASCII belongs to the script, some of it to this script alone, and next to nothing is broken. */
function isWrittenIn(text: string, own: RegExp, mark: RegExp): boolean {
  const sample = text.slice(0, 200_000);
  const foreign = sample.match(/[^\p{ASCII}]/gu)?.length ?? 0;
  const owned = sample.match(own)?.length ?? 0;
  const marks = sample.match(mark)?.length ?? 0;
  const broken = sample.split(replacement).length - 1;
  return marks >= 2 && marks > foreign * 0.1 && owned > foreign * 0.6 && broken <= foreign * 0.01;
}

/**
 * Shift JIS without kana, as in tables of names. Letters with accents of a western text decode to kanji too, but to single
 * ones between other letters; Korean decodes to something broken.
 */
function decodeKanji(buffer: Buffer): string | undefined {
  const text = iconv.decode(buffer, 'shift_jis');
  const sample = text.slice(0, 200_000);
  const foreign = sample.match(/[^\p{ASCII}]/gu)?.length ?? 0;
  const inWords = (sample.match(/[\u3005\u3040-\u30ff\u4e00-\u9fff]{2,}/g) ?? []).join('').length;
  return foreign >= 4 && inWords >= foreign * 0.9 && !sample.includes(replacement) ? text : undefined;
}

function decodeByGuess(buffer: Buffer): string {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const { name } of analyse(buffer.subarray(0, 200_000)).slice(0, 5)) {
    if (!iconv.encodingExists(name)) continue;
    const text = iconv.decode(buffer, name);
    const broken = text.split(replacement).length - 1;
    if (broken === 0) return text;
    if (broken < fewest) {
      best = text;
      fewest = broken;
    }
  }
  return best ?? iconv.decode(buffer, 'windows-1252');
}
