/** One record of a stream of a HWP 5 file: a tag, its depth, and what it holds. */
export interface HwpRecord {
  tag: number;
  level: number;
  data: Buffer;
}

/** Tags as far as they say something about text; numbers from HWPTAG_BEGIN (16) on. */
export const hwpTags = {
  paragraphHeader: 66,
  paragraphText: 67,
  control: 71,
  listHeader: 72,
  table: 77,
} as const;

/** Records of an unpacked stream ("한글 문서 파일 형식 5.0", 4.1): 10 bits tag, 10 bits level, 12 bits size. A cut one ends it. */
export function* hwpRecords(stream: Buffer): Generator<HwpRecord> {
  let at = 0;
  while (at + 4 <= stream.length) {
    const header = stream.readUInt32LE(at);
    at += 4;
    let size = header >>> 20;
    if (size === 0xfff) {
      if (at + 4 > stream.length) return;
      size = stream.readUInt32LE(at);
      at += 4;
    }
    if (at + size > stream.length) return;
    yield { tag: header & 0x3ff, level: (header >>> 10) & 0x3ff, data: stream.subarray(at, at + size) };
    at += size;
  }
}

/** Control characters that stand alone; every other one below 32 takes the room of eight. */
const single = new Set([0, 10, 13, 24, 25, 26, 27, 28, 29, 30, 31]);
const meaning = new Map([
  [9, '\t'],
  [10, '\n'],
  [24, '-'],
  [30, ' '],
  [31, ' '],
]);

/** Text of a paragraph record (4.2.1): UTF-16 with control characters for what is anchored in it. */
export function hwpText(data: Buffer): string {
  const parts: string[] = [];
  let from = 0;
  let at = 0;
  const units = data.length >> 1;
  while (at < units) {
    const code = data.readUInt16LE(at * 2);
    if (code >= 32) {
      at += 1;
      continue;
    }
    parts.push(data.toString('utf16le', from * 2, at * 2), meaning.get(code) ?? '');
    at += single.has(code) ? 1 : 8;
    from = at;
  }
  parts.push(data.toString('utf16le', from * 2, units * 2));
  return parts.join('');
}
