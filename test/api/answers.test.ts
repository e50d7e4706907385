import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectVerified } from '../support/check-answer.ts';
import { handbook } from '../support/handbook.ts';
import {
  addDocuments,
  ask,
  type Client,
  createKey,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let reader: Client;
let writer: Client;
let ids: Record<string, string>;

beforeAll(async () => {
  service = await startService();
  writer = (await createKey(service, { scope: 'write' })).client;
  reader = (await createKey(service, { scope: 'read' })).client;
  const added = await addDocuments(writer, handbook);
  ids = Object.fromEntries(added.map((document) => [document.external_id, document.id]));
});
afterAll(() => service.stop());

const answers = '/api/v1/answers';
const remote = 'How many days a week may employees work from home?';

describe('asking', () => {
  it('is accepted at once with the resource that GET returns, and ends', async () => {
    const reply = await reader.post(answers, { question: `  ${remote} ` }, { 'X-Request-Id': 'asking-1' });
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({
      ...{ status: 'queued', is_terminal: false, question: remote, mode: 'answer', error: null },
      ...{ completed_at: null, request_id: 'asking-1' },
    });
    expect(reply.body.poll_after_ms).toBeGreaterThan(0);
    expect(reply.headers.get('location')).toBe(reply.body.links.self);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    const answer = await ended(reader, reply.body.links.self);
    expect(answer).toMatchObject({
      ...{ id: reply.body.id, status: 'completed', abstained: false, language: 'en', model: 'extractive' },
      ...{ degraded: null, error: null, poll_after_ms: null },
      retrieval: { strategy: 'hybrid', policy_version: null, propensity: 1, explored: false },
      usage: { llm_calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
    });
    expect(answer.answer).toContain('three days a week');
    expect(answer.sources[0]).toMatchObject({
      n: 1,
      document_id: ids['remote-work'],
      title: 'Remote work policy',
    });
    expect(answer.confidence).toBeGreaterThan(0.3);
    expect(answer.confidence).toBeLessThanOrEqual(1);
    expect(answer.confidence_reasons.length).toBeGreaterThan(0);
    const names = answer.steps.map(({ name }: Json) => name);
    expect(names).toEqual(['intent', 'retrieve', 'plan', 'tools_debate', 'compose', 'cite', 'respond']);
    expect(Date.parse(answer.completed_at)).toBeGreaterThanOrEqual(Date.parse(answer.created_at));
    expect(Date.parse(answer.expires_at)).toBeGreaterThan(Date.parse(answer.completed_at));
  });

  it('waits for the end when it may', async () => {
    const wait = (seconds: string) =>
      reader.post(answers, { question: remote }, { Prefer: `respond-async, wait=${seconds}` });
    const reply = await wait('30');
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ status: 'completed', is_terminal: true });
    expect(reply.headers.get('preference-applied')).toBe('wait=30');
    expect(reply.headers.get('location')).toBe(reply.body.links.self);
    expect((await wait('600')).headers.get('preference-applied'), 'a minute at most').toBe('wait=60');
    const none = await wait('0');
    expect([none.status, none.headers.get('preference-applied')]).toEqual([202, 'wait=0']);
    const odd = await wait('soon');
    expect([odd.status, odd.headers.get('preference-applied')]).toEqual([202, null]);
  });

  it('works under its aliases, and with q', async () => {
    for (const path of ['/answer', '/api/v1/answer', answers]) {
      const reply = await reader.post(path, { q: remote }, { Prefer: 'wait=30' });
      expect([path, reply.status, reply.body.question]).toEqual([path, 200, remote]);
    }
  });

  it('keeps the flags of the moment with the answer', async () => {
    await service.admin.put('/api/v1/admin/flags/debate_mode', {
      enabled: true,
      reason: 'to see it in an answer',
    });
    const { flags } = await ask(reader, { question: remote });
    expect(flags.debate_mode).toMatchObject({ on: true, reason: 'stored', percent: 100 });
    expect(flags.soft_q_bandit).toMatchObject({ on: false, reason: 'default', percent: 100 });
    await service.admin.post('/api/v1/admin/flags/debate_mode/kill', { reason: 'seen' });
    const { flags: later } = await ask(reader, { question: remote });
    expect(later.debate_mode).toMatchObject({ on: false, reason: 'kill' });
  });
});

describe('sources', () => {
  it.each([
    [remote, 'remote-work', 'three days'],
    ['What is the daily allowance for meals?', 'expenses', '45 euros'],
    ['How fast may forklifts drive in the hall?', 'warehouse', '10 kilometres'],
    ['노트북을 분실하면 몇 시간 이내에 신고해야 하나요?', 'security-ko', '2시간'],
    ['사용하지 않은 연차는 언제까지 이월할 수 있나요?', 'leave-ko', '3월까지'],
    ['결혼 경조 휴가는 며칠을 사용할 수 있나요?', 'leave-ko', '5일'],
  ])('of %s stand where they say', async (question, document, words) => {
    const answer = await ask(reader, { question });
    expect(answer).toMatchObject({ status: 'completed', abstained: false });
    expect(answer.answer).toContain(words);
    expect(answer.sources.map((source: Json) => source.document_id)).toContain(ids[document]);
    await expectVerified(reader, answer);
  });

  it.each(['answer', 'summary', 'keypoints'])('are cited in mode %s', async (mode) => {
    const answer = await ask(reader, { question: 'What are the rules for travel expenses?', mode });
    expect(answer).toMatchObject({ mode, status: 'completed', abstained: false });
    await expectVerified(reader, answer);
    if (mode === 'keypoints') for (const line of answer.answer.split('\n')) expect(line).toMatch(/^- /);
  });

  it('come from the strategy that was asked for', async () => {
    for (const strategy of ['keyword', 'vector', 'hybrid']) {
      const answer = await ask(reader, { question: remote, strategy });
      expect(answer).toMatchObject({ status: 'completed', retrieval: { strategy } });
      await expectVerified(reader, answer);
    }
  });
});

describe('without an answer in the documents', () => {
  it('says so in the language of the question', async () => {
    const english = await ask(reader, { question: 'Who won the football world cup in 1954?' });
    expect(english).toMatchObject({
      status: 'completed',
      abstained: true,
      language: 'en',
      sources: [],
      source_count: 0,
    });
    expect(english.answer).toBe('The documents do not contain an answer to this question.');
    const korean = await ask(reader, { question: '고양이는 하루에 몇 번 목욕을 시켜야 하나요?' });
    expect(korean).toMatchObject({ status: 'completed', abstained: true, language: 'ko', sources: [] });
    expect(korean.answer).toMatch(/^등록된 문서에서 .+찾지 못했습니다\.$/);
  });
});

describe('how an answer is written', () => {
  const about = 'the solar panels on the depot roof';
  const deliver = `How many kilowatts do ${about} deliver?`;
  let panels: string[];
  beforeAll(async () => {
    const added = await addDocuments(writer, [
      {
        external_id: 'roof-report',
        title: 'Roof report',
        text: `Today ${about} deliver 400 kilowatts ☀️. Cleaning ${about} costs 900 euros a year. A firm from the valley repairs ${about} in spring.`,
      },
      {
        external_id: 'energy-notes',
        title: 'Energy notes',
        text: `Today ${about} deliver 520 kilowatts. A battery in the cellar stores what ${about} make at noon. In winter snow covers ${about} for weeks.`,
      },
    ]);
    panels = added.map(({ id }) => id);
  });
  const askPanels = (more: Record<string, unknown>) =>
    ask(reader, { question: `What is known about ${about}?`, filters: { document_ids: panels }, ...more });

  it('depends on its mode', async () => {
    const answer = await askPanels({ mode: 'answer' });
    const summary = await askPanels({ mode: 'summary' });
    const keypoints = await askPanels({ mode: 'keypoints' });
    const sentences = ({ sources }: Json) => sources.flatMap((source: Json) => source.answer_spans).length;
    const documents = ({ sources }: Json) => new Set(sources.map((source: Json) => source.document_id)).size;
    for (const one of [answer, summary, keypoints]) await expectVerified(reader, one);
    expect(sentences(answer)).toBeLessThanOrEqual(3);
    expect(sentences(summary)).toBeGreaterThan(sentences(answer));
    expect(documents(summary)).toBe(2);
    expect(summary.answer).not.toContain('\n');
    const lines = keypoints.answer.split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line).toMatch(/^- [^[]+ \[\d+\]$/);
  });

  it('says that sources contradict each other', async () => {
    const answer = await ask(reader, { question: deliver });
    await expectVerified(reader, answer);
    expect(answer.conflicts).toHaveLength(1);
    const [{ n, values }] = answer.conflicts;
    expect([...values].sort()).toEqual(['400 kilowatts', '520 kilowatts']);
    const quotes = n.map((one: number) => answer.sources.find((source: Json) => source.n === one).quote);
    for (const [at, quote] of quotes.entries()) expect(quote).toContain(values[at]);
    expect(answer.confidence_reasons.join(' ')).toContain('contradict each other');
    const { conflicts } = await ask(reader, { question: remote });
    expect(conflicts).toEqual([]);
  });

  it('depends on how sure it has to be', async () => {
    const [bold, usual, never] = await Promise.all(
      [{ abstain_below: 0 }, {}, { abstain_below: 1 }].map((more) =>
        ask(reader, { question: deliver, ...more }),
      ),
    );
    expect(bold).toMatchObject({ abstained: false, sources: usual?.sources, unsupported_spans: [] });
    expect(never).toMatchObject({
      abstained: true,
      sources: [],
      conflicts: [],
      confidence: bold?.confidence,
    });
    for (const source of bold?.sources ?? []) expect(source.support).toBe(1);
    for (const abstain_below of [-0.1, 1.1, 'low'])
      expect((await reader.post(answers, { question: deliver, abstain_below })).body.errors[0].pointer).toBe(
        '/abstain_below',
      );
  });
});

describe('filters', () => {
  it('confine the answer to what they let through', async () => {
    const within = async (more: Record<string, unknown>) => {
      const answer = await ask(reader, { question: remote, ...more });
      const found = answer.sources.map((source: Json) => source.document_id);
      return answer.abstained ? 'abstained' : [...new Set(found)];
    };
    const home = [ids['remote-work']];
    expect(await within({ filters: { canonical_in: [['HR']] } })).toEqual(home);
    expect(await within({ canonical_in: [['HR', 'Remote']] })).toEqual(home);
    expect(await within({ filters: { document_ids: home } })).toEqual(home);
    expect(await within({ filters: { canonical_in: [['Finance']] } })).toBe('abstained');
    expect(await within({ filters: { canonical_in: [] } })).toBe('abstained');
    expect(await within({ canonical_in: [['HR']], filters: { canonical_in: [['IT']] } })).toBe('abstained');
  });
});

describe('the deadline', () => {
  it('ends an answer one way or the other', async () => {
    const questions = Array.from({ length: 12 }, () => ({ question: remote, deadline_ms: 100 }));
    const posted = await Promise.all(questions.map((question) => reader.post(answers, question)));
    for (const { body } of posted) {
      const answer = await ended(reader, body.links.self);
      expect(['completed', 'expired']).toContain(answer.status);
      if (answer.status === 'expired') expect(answer.error.code).toBe('deadline_exceeded');
    }
  });
});

describe('a finished answer', () => {
  it('is not sent again to who has it', async () => {
    const { links } = await ask(reader, { question: remote });
    const first = await reader.get(links.self);
    const etag = first.headers.get('etag') as string;
    expect(etag).toMatch(/^"[^"]+"$/);
    const again = await reader.get(links.self, { headers: { 'If-None-Match': etag } });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    expect((await reader.get(links.self, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
  });

  it('stays as it is when it is cancelled', async () => {
    const answer = await ask(writer, { question: remote });
    expect((await reader.post(answer.links.cancel)).status).toBe(403);
    const cancelled = await writer.post(answer.links.cancel);
    expect([cancelled.status, cancelled.body]).toEqual([200, answer]);
  });
});

describe('cancelling', () => {
  it('ends an answer that waits, for good', async () => {
    const { body } = await writer.post(answers, { question: remote });
    const first = await writer.post(body.links.cancel);
    expect(first.status).toBe(200);
    expect(first.body.is_terminal).toBe(true);
    expect(['cancelled', 'completed']).toContain(first.body.status);
    const again = await writer.post(body.links.cancel);
    expect(again.body).toEqual(first.body);
    // Another question behind it has gone through the queue: nothing touched the cancelled one.
    await ask(reader, { question: remote });
    expect((await writer.get(body.links.self)).body).toEqual(first.body);
  });
});

describe('feedback', () => {
  const rate = (client: Client, answer: Json, body: Record<string, unknown>) =>
    client.post(answer.links.feedback, body);

  it('needs a write key and a completed answer', async () => {
    const answer = await ask(writer, { question: remote });
    expect((await rate(reader, answer, { rating: 1 })).status).toBe(403);
    for (const rating of [0, 6, 1.5, -2, 'good'])
      expect((await rate(writer, answer, { rating })).body.errors[0].pointer).toBe('/rating');
    await service.sql.query(`update answers set status = 'cancelled' where id = $1`, [answer.id]);
    expect(await rate(writer, answer, { rating: 1 })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
  });

  it('is one per key, and replaceable', async () => {
    const answer = await ask(writer, { question: remote });
    const first = await rate(writer, answer, {
      rating: -1,
      reason: 'wrong',
      citation_n: 1,
      comment: '아니요',
    });
    expect(first).toMatchObject({
      status: 201,
      body: { answer_id: answer.id, rating: 0, reason: 'wrong', citation_n: 1, comment: '아니요' },
    });
    const second = await rate(writer, answer, { rating: 4 });
    expect(second.body).toMatchObject({
      rating: 0.75,
      reason: null,
      comment: null,
      created_at: first.body.created_at,
    });
    expect((await rate(service.admin, answer, { rating: 1 })).body.rating).toBe(1);
    expect((await rate(service.admin, answer, { rating: 1, scale: 5 })).body.rating).toBe(0);
    const rows = await service.sql.query<Json>(
      'select rating from feedback where answer_id = $1 order by rating',
      [answer.id],
    );
    expect(rows.map(({ rating }) => rating)).toEqual([0, 0.75]);
  });
});
