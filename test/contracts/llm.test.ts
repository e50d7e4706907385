import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppError, ErrorCode } from '../../src/errors.ts';
import { createGeminiLlm } from '../../workers/llm/gemini.ts';
import type { Llm, LlmRequest } from '../../workers/llm/llm.ts';
import { llmProviders, openLlm } from '../../workers/llm/llms.ts';
import { type Behaviour, type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';

const apiKey = 'key-that-must-stay-secret';
const prompt = 'Question: how tall?\n\n[1] The tower is 300 metres tall. It is old.\n[2] It stands in Paris.';
const composed = 'The tower is 300 metres tall. [1] It stands in Paris. [2]';

let standIn: GeminiStandIn;
let llm: Llm;

beforeAll(async () => {
  standIn = await startGeminiStandIn({ apiKey });
  llm = createGeminiLlm({ apiKey, baseUrl: standIn.url, timeoutMs: 30_000 });
});
beforeEach(() => standIn.script([]));
afterAll(() => standIn.close());

function request(more: Partial<LlmRequest> = {}): LlmRequest {
  const { signal } = new AbortController();
  return {
    system: 'Answer from the sources.',
    prompt,
    maxOutputTokens: 200,
    temperature: 0.2,
    signal,
    ...more,
  };
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  return work.then(
    () => expect.unreachable('the call should have failed'),
    (error) => error,
  );
}

describe('openLlm', () => {
  it('gives null without a key, the model with one', () => {
    expect(openLlm({})).toBeNull();
    expect(openLlm({ geminiApiKey: '' })).toBeNull();
    expect(openLlm({ geminiApiKey: apiKey })?.model).toBe('gemini-2.5-flash');
    expect(openLlm({ geminiApiKey: apiKey, model: 'gemini-2.5-pro' })?.model).toBe('gemini-2.5-pro');
    expect(Object.keys(llmProviders)).toContain('gemini');
  });
});

describe.each([
  ['whole', false],
  ['streamed', true],
])('a %s reply', (_, streaming) => {
  let pieces: string[] = [];
  const ask = (more: Partial<LlmRequest> = {}) => {
    pieces = [];
    return llm.generate(
      request({ ...(streaming ? { onText: (piece) => pieces.push(piece) } : {}), ...more }),
    );
  };

  it('comes with its token counts', async () => {
    const reply = await ask();
    expect(reply).toEqual({ text: composed, inputTokens: 18, outputTokens: 12, finishReason: 'stop' });
    if (streaming) {
      expect(pieces.length).toBeGreaterThan(5);
      expect(pieces.join('')).toBe(reply.text);
    }
  });

  it('was asked for with system instruction, prompt and limits', async () => {
    await ask();
    const sent = standIn.requests.at(-1);
    expect(sent).toMatchObject({
      model: 'gemini-2.5-flash',
      action: streaming ? 'streamGenerateContent' : 'generateContent',
      body: {
        systemInstruction: { parts: [{ text: 'Answer from the sources.' }] },
        contents: [{ role: 'user', parts: [{ text: prompt }] }],
        generationConfig: { maxOutputTokens: 200, temperature: 0.2, thinkingConfig: { thinkingBudget: 0 } },
      },
    });
    expect(JSON.stringify(standIn.requests)).not.toContain(apiKey);
  });

  it('says when it was cut at the token limit', async () => {
    standIn.script([{ text: 'The tower is', finishReason: 'MAX_TOKENS' }]);
    expect(await ask()).toMatchObject({ text: 'The tower is', finishReason: 'length' });
  });

  it('may come slowly', async () => {
    standIn.script(['drip']);
    expect(await ask()).toMatchObject({ text: composed });
  });

  const faults: [Behaviour, ErrorCode, number | undefined][] = [
    [{ error: 429, retryDelay: '6.2s' }, 'llm_rate_limited', 7],
    [{ error: 429 }, 'llm_rate_limited', undefined],
    [{ error: 500 }, 'llm_unavailable', undefined],
    [{ error: 503 }, 'llm_unavailable', undefined],
    [{ error: 404 }, 'llm_unavailable', undefined],
    ['cut', 'llm_unavailable', undefined],
    ['unfinished', 'llm_unavailable', undefined],
    ['broken json', 'llm_bad_output', undefined],
    ['no candidates', 'llm_bad_output', undefined],
    ['empty text', 'llm_bad_output', undefined],
    ['prompt blocked', 'llm_refused', undefined],
    ['answer blocked', 'llm_refused', undefined],
    [{ text: 'Once upon a time', finishReason: 'RECITATION' }, 'llm_refused', undefined],
  ];
  it.each(faults)('with the fault %j fails with %s', async (behaviour, code, retryAfter) => {
    standIn.script([behaviour]);
    expect(await failure(ask())).toMatchObject({ name: 'AppError', code, retryAfter });
    expect(await ask(), 'the next call works again').toMatchObject({ text: composed });
  });

  it('fails with llm_unavailable when it takes too long', async () => {
    standIn.script(['hang']);
    const impatient = createGeminiLlm({ apiKey, baseUrl: standIn.url, timeoutMs: 50 });
    expect(await failure(impatient.generate(request(streaming ? { onText: () => {} } : {})))).toMatchObject({
      code: 'llm_unavailable',
      message: 'The language model did not answer in time.',
    });
  });

  it('ends with the abort reason when it is aborted, before or meanwhile', async () => {
    const reason = new Error('the answer was cancelled');
    const sent = standIn.requests.length;
    expect(await failure(ask({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(standIn.requests.length).toBe(sent);

    const aborting = new AbortController();
    standIn.script(() => {
      aborting.abort(reason);
      return 'hang';
    });
    expect(await failure(ask({ signal: aborting.signal }))).toBe(reason);
  });
});

describe('a streamed reply', () => {
  it('can be aborted in its middle', async () => {
    const reason = new Error('the reader has gone');
    const aborting = new AbortController();
    standIn.script(['drip']);
    const onText = () => aborting.abort(reason);
    expect(await failure(llm.generate(request({ signal: aborting.signal, onText })))).toBe(reason);
  });

  it('may bring an error after its beginning', async () => {
    const pieces: string[] = [];
    for (const [status, code] of [
      [503, 'llm_unavailable'],
      [429, 'llm_rate_limited'],
    ] as const) {
      standIn.script([{ errorInStream: status }]);
      expect(await failure(llm.generate(request({ onText: (piece) => pieces.push(piece) })))).toMatchObject({
        code,
      });
    }
    expect(pieces).toHaveLength(2);
  });
});

describe('the API key', () => {
  it('stands in no error, not even where the API or the HTTP client echoes it', async () => {
    for (const key of ['another-secret-key', 'secret\nwith-a-line-end', 'ключ']) {
      const wrong = createGeminiLlm({ apiKey: key, baseUrl: standIn.url });
      const error = await failure(wrong.generate(request()));
      expect(error.code).toBe('llm_unavailable');
      expect(
        `${error.stack} ${error.cause} ${(error.cause as Error).stack} ${JSON.stringify(error)}`,
      ).not.toContain(key);
    }
  });

  it('is not needed to say that nobody answers', async () => {
    const nobody = await startGeminiStandIn();
    await nobody.close();
    const error = await failure(createGeminiLlm({ apiKey, baseUrl: nobody.url }).generate(request()));
    expect(error).toMatchObject({
      code: 'llm_unavailable',
      message: 'The language model could not be reached.',
    });
  });
});
