import { afterEach, expect, it } from 'vitest';
import { type AskFlags, ask } from '../../../cli/ask.ts';
import { openWebSite, type Pages, type WebSite } from '../../support/web-site.ts';

let site: WebSite | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

const self = '/api/v1/answers/1';
const queued = {
  id: '1',
  status: 'queued',
  is_terminal: false,
  poll_after_ms: 50,
  links: { self, cancel: `${self}/cancel` },
};
const source = {
  n: 1,
  title: 'Towers',
  page: 3,
  date: '2025-01-02',
  source_url: null,
  quote: 'It stands\nin Paris.',
};
const completed = {
  ...{ ...queued, status: 'completed', is_terminal: true, answer: 'In Paris [1].', abstained: false },
  ...{ sources: [source], degraded: null },
};
const flags: AskFlags = { mode: 'answer', timeout: 10, stream: true, json: false };

const json = (body: unknown, status = 200): Pages[string] => {
  return (_request, response) =>
    void response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};
const stream = (...events: [string, unknown][]): Pages[string] => {
  const text = events.map(
    ([event, data], n) => `id: ${n + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return (_request, response) =>
    void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(text.join(''));
};

async function run(pages: Pages, more: Partial<AskFlags> = {}, isTTY = true) {
  site = await openWebSite({ '/api/v1/answers': json(queued, 202), [self]: json(completed), ...pages });
  let [out, err] = ['', ''];
  const stdout = { isTTY, write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const { signal } = new AbortController();
  const outcome = await ask(
    { baseUrl: site.url, apiKey: 'k' },
    'Where?',
    { ...flags, ...more },
    { stdout, stderr, signal },
  );
  return { outcome, out, err };
}

const sources = '[1] Towers, p. 3, 2025-01-02\n    “It stands in Paris.”\n';

it('shows the draft as it comes and does not repeat it', async () => {
  const events = stream(['delta', { text: 'In Pa' }], ['delta', { text: 'ris [1].' }], ['completed', {}]);
  const { err, out, outcome } = await run({ [`${self}/events`]: events });
  expect([outcome, out, err]).toEqual(['answered', `In Paris [1].\n\n${sources}`, '']);
});

it('says that it is begun anew, and shows the answer that stands in the end', async () => {
  const events = stream(
    ['delta', { text: 'In Rome.' }],
    ['restart', { reason: 'timeout' }],
    ['completed', {}],
  );
  const { err, out } = await run({ [`${self}/events`]: events });
  expect([out, err]).toEqual([`In Rome.In Paris [1].\n\n${sources}`, '\n(timeout: begun anew)\n']);
});

it('waits where there is no terminal, and where the service tells of no events', async () => {
  const { out } = await run({}, {}, false);
  expect(out).toBe(`In Paris [1].\n\n${sources}`);
  expect(site?.paths().some((path) => path.endsWith('/events'))).toBe(false);
  await site?.close();
  const missing = json({ code: 'not_found', detail: 'There is no such route.', retryable: false }, 404);
  expect((await run({ [`${self}/events`]: missing })).out).toBe(`In Paris [1].\n\n${sources}`);
});

it('tells abstaining and failing apart', async () => {
  const abstained = { ...completed, abstained: true, answer: 'The documents do not say.', sources: [] };
  expect(await run({ [self]: json(abstained) }, {}, false)).toMatchObject({
    outcome: 'abstained',
    out: 'The documents do not say.\n',
  });
  await site?.close();
  const error = { code: 'llm_refused', detail: 'Refused.', retryable: false };
  expect(await run({ [self]: json({ ...completed, status: 'failed', error }) }, {}, false)).toMatchObject({
    outcome: 'failed',
    out: 'The answer ended failed: Refused.\n',
  });
});
