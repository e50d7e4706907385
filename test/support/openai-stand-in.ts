import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { type Behaviour, drop, pauseOf } from './gemini-behaviour.ts';
import { replyTo } from './gemini-replies.ts';
import { readBody, startStandInServer } from './stand-in-server.ts';

export interface OpenAiRequest {
  model: string;
  stream?: boolean;
  messages: { role: string; content: string }[];
  [field: string]: unknown;
}

export type OpenAiScript = Behaviour[] | ((request: OpenAiRequest) => Behaviour | undefined);

export interface OpenAiStandIn {
  /** For `LLM_BASE_URL`. */
  url: string;
  /** Every request so far, oldest first. */
  requests: OpenAiRequest[];
  /** A list is used up one request at a time, then requests are answered properly again; a function stays. */
  script(script: OpenAiScript): void;
  /** Requests whose caller went away before the answer was all there. */
  abandoned(): number;
  close(): Promise<void>;
}

/** Speaks the chat completions of the OpenAI protocol on a free local port. Asks for `apiKey` where one is given. */
export async function startOpenAiStandIn({ apiKey }: { apiKey?: string } = {}): Promise<OpenAiStandIn> {
  const requests: OpenAiRequest[] = [];
  const { origin, ...server } = await startStandInServer<Behaviour, OpenAiRequest>(
    async (incoming, outgoing, behaviourFor) => {
      const body = await readBody(incoming);
      if (incoming.method !== 'POST' || incoming.url !== '/v1/chat/completions')
        return sendError(outgoing, { error: 404 });
      const sent = incoming.headers.authorization;
      if (apiKey !== undefined && sent !== `Bearer ${apiKey}`)
        return sendError(outgoing, { error: 401, message: `Incorrect API key provided: ${sent}` });
      const request = JSON.parse(body.toString()) as OpenAiRequest;
      requests.push(request);
      await play(outgoing, request, behaviourFor(request));
    },
  );
  return { ...server, url: `${origin}/v1`, requests };
}

async function play(
  outgoing: ServerResponse,
  request: OpenAiRequest,
  behaviour: Behaviour | undefined,
): Promise<void> {
  if (behaviour === 'hang') return;
  if (typeof behaviour === 'object' && 'error' in behaviour) return sendError(outgoing, behaviour);
  if (typeof behaviour === 'object' && 'delayMs' in behaviour) {
    await wait(behaviour.delayMs);
    return play(outgoing, request, undefined);
  }
  const pieces = piecesOf(request, behaviour);
  if (request.stream) return sendStream(outgoing, request, pieces, behaviour);
  await sendWhole(outgoing, request, pieces, behaviour);
}

interface Pieces {
  texts: string[];
  finish: string | null;
  toolCalls?: unknown[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

const finishes: Record<string, string> = { MAX_TOKENS: 'length', STOP: 'stop' };

function piecesOf(request: OpenAiRequest, behaviour: Behaviour | undefined): Pieces {
  const prompt = request.messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  const given = typeof behaviour === 'object' && 'text' in behaviour ? behaviour : undefined;
  const blocked = behaviour === 'prompt blocked' || behaviour === 'answer blocked';
  const silent = blocked || behaviour === 'empty text' || behaviour === 'tool call';
  const json = request.response_format !== undefined;
  const text = silent ? '' : (given?.text ?? replyTo(prompt.join('\n'), { json }));
  const finish = blocked ? 'content_filter' : (finishes[given?.finishReason ?? 'STOP'] ?? 'content_filter');
  const count = (words: string) => words.split(/\s+/).filter(Boolean).length;
  const [read, written] = [count(prompt.join('\n')), count(text)];
  return {
    texts: text.match(/\S+\s*|\s+/g) ?? [],
    finish: behaviour === 'unfinished' ? null : behaviour === 'tool call' ? 'tool_calls' : finish,
    ...(behaviour === 'tool call' ? { toolCalls: [toolCall] } : {}),
    usage: { prompt_tokens: read, completion_tokens: written, total_tokens: read + written },
  };
}

const toolCall = {
  ...{ id: 'call_1', type: 'function' },
  function: { name: 'send_email', arguments: '{"to":"eve@evil.example"}' },
};

async function sendStream(
  outgoing: ServerResponse,
  { model, stream_options }: OpenAiRequest,
  { texts, finish, toolCalls, usage }: Pieces,
  behaviour: Behaviour | undefined,
): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (fields: object) =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, ...fields })}\n\n`;
  const delta = (fields: object, finish_reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: fields, finish_reason }] });
  const events = [delta({ role: 'assistant', content: '' }), ...texts.map((content) => delta({ content }))];
  if (toolCalls) events.push(delta({ tool_calls: toolCalls }));
  if (typeof behaviour === 'object' && 'errorInStream' in behaviour) {
    const error = {
      message: 'The model is overloaded.',
      type: 'server_error',
      code: behaviour.errorInStream,
    };
    events.splice(2, events.length, `data: ${JSON.stringify({ error })}\n\n`);
  } else if (finish) events.push(delta({}, finish));
  if (behaviour === 'no candidates') events.splice(0, events.length, chunk({ choices: [] }));
  const wantsUsage = (stream_options as { include_usage?: boolean } | undefined)?.include_usage;
  if (wantsUsage) events.push(chunk({ choices: [], usage }));
  events.push('data: [DONE]\n\n');
  if (behaviour === 'broken json') events.splice(1, 0, 'data: {"choices": [{"delta"\n\n');
  for (const event of behaviour === 'cut' ? events.slice(0, Math.ceil(events.length / 2)) : events) {
    outgoing.write(event);
    await pauseOf(behaviour);
  }
  if (behaviour === 'cut') await drop(outgoing);
  else outgoing.end();
}

async function sendWhole(
  outgoing: ServerResponse,
  { model }: OpenAiRequest,
  { texts, finish, toolCalls, usage }: Pieces,
  behaviour: Behaviour | undefined,
): Promise<void> {
  const content = toolCalls ? null : texts.join('');
  const message = { role: 'assistant', content, ...(toolCalls ? { tool_calls: toolCalls } : {}) };
  const choices = behaviour === 'no candidates' ? [] : [{ index: 0, message, finish_reason: finish }];
  const body = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices,
    usage,
  });
  const half = body.slice(0, body.length / 2);
  const sent = behaviour === 'broken json' ? half : body;
  outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) });
  if (behaviour === 'cut') {
    outgoing.write(half);
    return drop(outgoing);
  }
  for (const piece of sent.match(/.{1,40}/gs) ?? []) {
    outgoing.write(piece);
    await pauseOf(behaviour);
  }
  outgoing.end();
}

function sendError(outgoing: ServerResponse, fault: Extract<Behaviour, { error: number }>): void {
  const { error: code, message = `Status ${code}.`, retryDelay } = fault;
  const after = retryDelay ? { 'retry-after': String(Math.ceil(Number.parseFloat(retryDelay))) } : {};
  outgoing.writeHead(code, { 'content-type': 'application/json', ...after });
  outgoing.end(JSON.stringify({ error: { message, type: 'error', param: null, code: String(code) } }));
}
