import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { createGeminiLlm } from '../../workers/llm/gemini.ts';
import type { Llm, LlmFault, LlmRequest, Usage } from '../../workers/llm/llm.ts';
import { llmProviders, openLlm } from '../../workers/llm/llms.ts';
import { createOpenAiLlm } from '../../workers/llm/openai.ts';
import { type Behaviour, type LlmStandIn, llmStandIns } from '../support/llm-stand-in.ts';
import { waitFor } from '../support/wait-for.ts';

const apiKey = 'key-that-must-stay-secret';
const prompt = 'Question: how tall?\n\n[1] The tower is 300 metres tall. It is old.\n[2] It stands in Paris.';
const composed = 'The tower is 300 metres tall. [1] It stands in Paris. [2]';

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

async function failure(work: Promise<unknown>): Promise<LlmFault> {
  return work.then(
    () => expect.unreachable('the call should have failed'),
    (error) => error,
  );
}

describe('openLlm', () => {
  it('gives null where nothing is set up, the model otherwise', () => {
    expect(openLlm({})).toBeNull();
    expect(openLlm({ geminiApiKey: '' })).toBeNull();
    expect(openLlm({ geminiApiKey: apiKey })?.model).toBe('gemini-2.5-flash');
    expect(openLlm({ geminiApiKey: apiKey, model: 'gemini-2.5-pro' })?.model).toBe('gemini-2.5-pro');
    expect(openLlm({ provider: 'openai', geminiApiKey: apiKey, model: 'qwen3' })).toBeNull();
    const local = openLlm({ provider: 'openai', baseUrl: 'http://127.0.0.1:1/v1', model: 'qwen3' });
    expect([local?.model, local?.fallback]).toEqual(['qwen3', undefined]);
    expect(Object.keys(llmProviders)).toEqual(['gemini', 'openai']);
  });

  it('opens a smaller model beside it', () => {
    const llm = openLlm({ geminiApiKey: apiKey, fallbackModel: 'gemini-2.5-flash-lite' });
    expect(llm?.fallback?.model).toBe('gemini-2.5-flash-lite');
    expect(llm?.fallback?.condition?.()).toBe('closed');
  });
});

const creators = {
  gemini: (url: string, key: string, timeoutMs: number) =>
    createGeminiLlm({ apiKey: key, baseUrl: url, timeoutMs }),
  openai: (url: string, key: string, timeoutMs: number) =>
    createOpenAiLlm({ apiKey: key, baseUrl: url, model: 'local-model', timeoutMs }),
};

describe.each(['gemini', 'openai'] as const)('%s', (provider) => {
  let standIn: LlmStandIn;
  let llm: Llm;
  beforeAll(async () => {
    standIn = await llmStandIns[provider]({ apiKey });
    llm = creators[provider](standIn.url, apiKey, 30_000);
  });
  beforeEach(() => standIn.script([]));
  afterAll(() => standIn.close());

  describe.each([
    ['whole', false],
    ['streamed', true],
  ])('a %s reply', (_, streaming) => {
    let pieces: string[] = [];
    let used: Usage | undefined;
    const ask = (more: Partial<LlmRequest> = {}, model = llm) => {
      pieces = [];
      used = undefined;
      const onUsage = (usage: Usage) => {
        used = usage;
      };
      const onText = streaming ? { onText: (piece: string) => void pieces.push(piece) } : {};
      return model.generate(request({ onUsage, ...onText, ...more }));
    };

    it('comes with its token counts', async () => {
      const reply = await ask();
      expect(reply).toEqual({ text: composed, inputTokens: 18, outputTokens: 12, finishReason: 'stop' });
      expect(used).toEqual({ inputTokens: 18, outputTokens: 12 });
      if (streaming) {
        expect(pieces.length).toBeGreaterThan(5);
        expect(pieces.join('')).toBe(reply.text);
      }
    });

    it('was asked for with system instruction, prompt and limits, without tools', async () => {
      await ask();
      expect(standIn.shown().at(-1)).toEqual({
        ...{ model: llm.model, system: 'Answer from the sources.', prompt, streamed: streaming },
      });
      expect(standIn.lastBody()).not.toHaveProperty('tools');
      expect(JSON.stringify(standIn.lastBody())).not.toContain(apiKey);
      if (provider === 'gemini')
        expect(standIn.lastBody()).toMatchObject({
          generationConfig: { maxOutputTokens: 200, temperature: 0.2, thinkingConfig: { thinkingBudget: 0 } },
        });
      else expect(standIn.lastBody()).toMatchObject({ max_tokens: 200, temperature: 0.2 });
    });

    it('is JSON by a schema where that is asked for', async () => {
      const item = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const;
      const schema = { type: 'array', items: item } as const;
      const { text } = await ask({ schema });
      expect(JSON.parse(text)).toHaveLength(2);
      const sent = standIn.lastBody();
      const asked = provider === 'gemini' ? sent.generationConfig : sent.response_format;
      expect(asked).toMatchObject(
        provider === 'gemini' ? { responseSchema: schema } : { json_schema: { schema } },
      );
    });

    it('says when it was cut at the token limit', async () => {
      standIn.script([{ text: 'The tower is', finishReason: 'MAX_TOKENS' }]);
      expect(await ask()).toMatchObject({ text: 'The tower is', finishReason: 'length' });
    });

    it('may come slowly', async () => {
      standIn.script(['drip']);
      expect(await ask()).toMatchObject({ text: composed });
    });

    const faults: [Behaviour, ErrorCode, Partial<LlmFault>][] = [
      [{ error: 429, retryDelay: '6.2s' }, 'llm_rate_limited', { retryAfter: 7, charged: false }],
      [{ error: 429 }, 'llm_rate_limited', { retryAfter: undefined, charged: false }],
      [{ error: 500 }, 'llm_unavailable', { charged: false, lasting: false }],
      [{ error: 503 }, 'llm_unavailable', { charged: false, lasting: false }],
      [{ error: 404 }, 'llm_unavailable', { charged: false, lasting: true }],
      ['cut', 'llm_unavailable', streaming ? { charged: true } : {}],
      ['unfinished', 'llm_unavailable', { charged: true }],
      ['broken json', 'llm_bad_output', { charged: true }],
      ['no candidates', 'llm_bad_output', { charged: true }],
      ['empty text', 'llm_bad_output', { charged: true }],
      ['tool call', 'llm_bad_output', { charged: true }],
      ['prompt blocked', 'llm_refused', { charged: true }],
      ['answer blocked', 'llm_refused', { charged: true }],
      [{ text: 'Once upon a time', finishReason: 'RECITATION' }, 'llm_refused', { charged: true }],
    ];
    it.each(faults)('with the fault %j fails with %s', async (behaviour, code, more) => {
      standIn.script([behaviour]);
      expect(await failure(ask())).toMatchObject({ name: 'AppError', code, called: true, ...more });
      expect(await ask(), 'the next call works again').toMatchObject({ text: composed });
    });

    it('fails with llm_unavailable when it takes too long', async () => {
      standIn.script(['hang']);
      const impatient = creators[provider](standIn.url, apiKey, 50);
      expect(await failure(ask({}, impatient))).toMatchObject({
        code: 'llm_unavailable',
        message: 'The language model did not answer in time.',
        charged: true,
      });
    });

    it('ends with the abort reason when it is aborted, before or meanwhile, and hangs up', async () => {
      const reason = new Error('the answer was cancelled');
      const sent = standIn.shown().length;
      expect(await failure(ask({ signal: AbortSignal.abort(reason) }))).toBe(reason);
      expect(standIn.shown().length).toBe(sent);

      const aborting = new AbortController();
      const abandoned = standIn.abandoned();
      standIn.script(() => {
        aborting.abort(reason);
        return 'hang';
      });
      expect(await failure(ask({ signal: aborting.signal }))).toBe(reason);
      await waitFor('the server sees the connection closed', () => standIn.abandoned() > abandoned);
    });
  });

  describe('a streamed reply', () => {
    it('can be aborted in its middle, and hangs up', async () => {
      const reason = new Error('the reader has gone');
      const aborting = new AbortController();
      const abandoned = standIn.abandoned();
      standIn.script([{ dripMs: 50 }]);
      const onText = () => aborting.abort(reason);
      expect(await failure(llm.generate(request({ signal: aborting.signal, onText })))).toBe(reason);
      await waitFor('the server sees the connection closed', () => standIn.abandoned() > abandoned);
    });

    it('may bring an error after its beginning', async () => {
      const pieces: string[] = [];
      for (const [status, code] of [
        [503, 'llm_unavailable'],
        [429, 'llm_rate_limited'],
      ] as const) {
        standIn.script([{ errorInStream: status }]);
        const onText = (piece: string) => void pieces.push(piece);
        expect(await failure(llm.generate(request({ onText })))).toMatchObject({ code, charged: true });
      }
      expect(pieces).toHaveLength(2);
    });
  });

  describe('the API key', () => {
    it('stands in no error, not even where the API or the HTTP client echoes it', async () => {
      for (const key of ['another-secret-key', 'secret\nwith-a-line-end', 'ключ']) {
        const error = await failure(creators[provider](standIn.url, key, 30_000).generate(request()));
        expect(error.code).toBe('llm_unavailable');
        expect(
          `${error.stack} ${error.cause} ${(error.cause as Error).stack} ${JSON.stringify(error)}`,
        ).not.toContain(key);
      }
    });

    it('is not needed to say that nobody answers, which costs nothing', async () => {
      const nobody = await llmStandIns[provider]({ apiKey });
      await nobody.close();
      expect(await failure(creators[provider](nobody.url, apiKey, 30_000).generate(request()))).toMatchObject(
        {
          code: 'llm_unavailable',
          message: 'The language model could not be reached.',
          charged: false,
        },
      );
    });
  });
});

describe('openai', () => {
  it('sends no key where there is none, and bears a slash at the end of the address', async () => {
    const open = await llmStandIns.openai({ apiKey });
    const error = await failure(createOpenAiLlm({ baseUrl: `${open.url}/`, model: 'm' }).generate(request()));
    expect(error).toMatchObject({ code: 'llm_unavailable', lasting: true, message: /401/ });
    await open.close();
  });
});
