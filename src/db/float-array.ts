const header = 20;
/** OID of float4 (PostgreSQL, src/include/catalog/pg_type.dat). */
const float4 = 700;

/**
 * Vectors one behind the other as what Postgres receives as one `float4[]` in its binary form (`array_recv`): dimensions,
 * whether there are nulls, type, length, first subscript; then each element with its length. To write 384 numbers out in
 * decimal, and read them again there, takes longer than to store them.
 */
export function encodeFloats(vectors: readonly Float32Array[]): Buffer {
  const length = vectors.reduce((sum, vector) => sum + vector.length, 0);
  const bytes = Buffer.allocUnsafe(header + 8 * length);
  for (const [n, value] of [1, 0, float4, length, 1].entries()) bytes.writeInt32BE(value, 4 * n);
  let at = header;
  for (const vector of vectors)
    for (let n = 0; n < vector.length; n++, at += 8) {
      bytes.writeInt32BE(4, at);
      bytes.writeFloatBE(vector[n] as number, at + 4);
    }
  return bytes;
}
