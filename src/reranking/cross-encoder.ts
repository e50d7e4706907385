import { Tokenizer } from '@huggingface/tokenizers';
import { AppError } from '../errors.ts';
import type { ModelFiles } from '../models/model-files.ts';
import { feed, openSession, type TokenRow } from '../models/onnx.ts';

export interface CrossEncoderSettings {
  files: ModelFiles;
  /** Longest question and passage together, in tokens, special ones included; the passage is cut. */
  maxTokens: number;
  threads: number;
}

export interface CrossEncoder {
  /** A relevance 0…1 a passage, in order. Blocks the thread it is called on while it computes. */
  score(question: string, passages: readonly string[]): Promise<number[]>;
  release(): Promise<void>;
}

/**
 * Loads a cross-encoder (Nogueira & Cho 2019, Passage Re-ranking with BERT) and runs it once. Its output is one logit a pair,
 * or one for each of two classes of which the second is "relevant". Throws AppError `reranker_unavailable`.
 */
export async function openCrossEncoder({
  files,
  maxTokens,
  threads,
}: CrossEncoderSettings): Promise<CrossEncoder> {
  const pair = createPairer(new Tokenizer(files.tokenizer, files.tokenizerConfig), maxTokens);
  const session = await openSession(files.onnx, threads);

  async function score(question: string, passages: readonly string[]): Promise<number[]> {
    const rows = passages.map((passage) => pair(question, passage));
    const outputs = await session.run(feed(session, rows, 'reranker_unavailable'));
    const output = outputs.logits ?? outputs[session.outputNames[0] ?? ''];
    if (output?.type !== 'float32')
      throw new AppError('reranker_unavailable', 'The reranker has no output of 32-bit floats.');
    return relevances(output.data as Float32Array, passages.length);
  }

  await score('warm', ['warm']);
  return { score, release: () => session.release() };
}

function relevances(logits: Float32Array, pairs: number): number[] {
  const classes = logits.length / pairs;
  if (classes !== 1 && classes !== 2)
    throw new AppError(
      'reranker_unavailable',
      `The reranker gives ${classes} values a passage: one or two are understood.`,
    );
  return Array.from({ length: pairs }, (_, i) => {
    const at = i * classes;
    // The softmax of two classes is the logistic of their difference.
    const logit = classes === 1 ? (logits[at] ?? 0) : (logits[at + 1] ?? 0) - (logits[at] ?? 0);
    return 1 / (1 + Math.exp(-logit));
  });
}

/**
 * Question and passage → one row of at most `maxTokens`, with the model's own marks before, between and after them. The
 * question gets half of the room at most.
 */
function createPairer(
  tokenizer: Tokenizer,
  maxTokens: number,
): (question: string, passage: string) => TokenRow {
  const bare = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const [a, b] = [bare('a'), bare('b')];
  const marked = tokenizer.encode('a', { text_pair: 'b', return_token_type_ids: true });
  const first = marked.ids.indexOf(a[0] ?? -1);
  const second = marked.ids.indexOf(b[0] ?? -1, first + a.length);
  const between = [first + a.length, second] as const;
  const after = second + b.length;
  const types = marked.token_type_ids;
  const room = maxTokens - (marked.ids.length - a.length - b.length);
  return (question, passage) => {
    const asked = bare(question).slice(0, Math.floor(room / 2));
    const read = bare(passage).slice(0, room - asked.length);
    const parts = [
      { ids: marked.ids.slice(0, first), types: types.slice(0, first) },
      { ids: asked, types: asked.map(() => types[first] ?? 0) },
      { ids: marked.ids.slice(...between), types: types.slice(...between) },
      { ids: read, types: read.map(() => types[second] ?? 0) },
      { ids: marked.ids.slice(after), types: types.slice(after) },
    ];
    return { ids: parts.flatMap((part) => part.ids), types: parts.flatMap((part) => part.types) };
  };
}
