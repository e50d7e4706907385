import { InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError, type ErrorCode } from '../errors.ts';

/** What a model reads of one text, or of two that belong together. */
export interface TokenRow {
  ids: readonly number[];
  /** 1 for tokens of the second text; all 0 when left out. */
  types?: readonly number[];
}

/** Loads a model for the thread it is called on. */
export async function openSession(file: string, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(file, {
    intraOpNumThreads: threads,
    // The memory arena stays on: without it malloc's fragmentation costs half as much again (320 MB instead of 205).
    // Waiting threads would otherwise spin and take the cores from everything else.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/**
 * Input tensors by the names the model asks for, padded on the right to the longest: [rows, length] each. Throws AppError
 * `code` where it asks for another one.
 */
export function feed(
  session: InferenceSession,
  rows: readonly TokenRow[],
  code: ErrorCode,
): Record<string, Tensor> {
  const length = Math.max(...rows.map(({ ids }) => ids.length));
  const ids = new BigInt64Array(rows.length * length);
  const mask = new BigInt64Array(ids.length);
  const types = new BigInt64Array(ids.length);
  for (const [row, input] of rows.entries()) {
    for (const [column, id] of input.ids.entries()) {
      const at = row * length + column;
      ids[at] = BigInt(id);
      mask[at] = 1n;
      types[at] = BigInt(input.types?.[column] ?? 0);
    }
  }
  const known: Record<string, BigInt64Array> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: types,
    position_ids: BigInt64Array.from(ids, (_, i) => BigInt(i % length)),
  };
  const tensors: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const data = known[name];
    if (!data) throw new AppError(code, `The model asks for an input "${name}".`);
    tensors[name] = new Tensor('int64', data, [rows.length, length]);
  }
  return tensors;
}
