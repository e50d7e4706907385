import { read } from 'cfb';

/** Streams of an OLE compound file by their path, e.g. `BodyText/Section0`; damaged files throw. */
export function compoundStreams(bytes: Uint8Array): Map<string, Buffer> {
  const container = read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { type: 'buffer' });
  const streams = new Map<string, Buffer>();
  container.FullPaths.forEach((path, i) => {
    const content = container.FileIndex[i]?.content;
    if (content !== undefined) streams.set(path.replace(/^[^/]*\//, ''), Buffer.from(content));
  });
  return streams;
}

/** Properties 2 (title), 4 (author) and 12 (created, ISO 8601) of a property set ([MS-OLEPS] 2.21), as far as they are there. */
export function summaryProperties(set: Buffer): { title?: string; author?: string; date?: string } {
  try {
    const values = propertyValues(set);
    const [title, author, date] = [values.get(2), values.get(4), values.get(12)];
    return { ...(title && { title }), ...(author && { author }), ...(date && { date }) };
  } catch (error) {
    if (error instanceof RangeError) return {}; // offsets that lead out of it: it says nothing then
    throw error;
  }
}

function propertyValues(set: Buffer): Map<number, string> {
  const section = set.readUInt32LE(44);
  const count = Math.min(set.readUInt32LE(section + 4), 100);
  const values = new Map<number, string>();
  for (let i = 0; i < count; i += 1) {
    const id = set.readUInt32LE(section + 8 + i * 8);
    const value = valueAt(set, section + set.readUInt32LE(section + 12 + i * 8));
    if (value !== undefined) values.set(id, value);
  }
  return values;
}

/** A wide string (type 31) or a point in time (type 64: 100 ns since 1601). */
function valueAt(set: Buffer, at: number): string | undefined {
  const type = set.readUInt32LE(at);
  if (type === 31) {
    const units = Math.min(set.readUInt32LE(at + 4), 1_000);
    return set
      .toString('utf16le', at + 8, at + 8 + units * 2)
      .replace(/\0.*$/s, '')
      .trim();
  }
  if (type !== 64) return undefined;
  const ms = Number(set.readBigUInt64LE(at + 4) / 10_000n) - 11_644_473_600_000;
  return ms > 0 && ms < 4e12 ? new Date(ms).toISOString() : undefined;
}
