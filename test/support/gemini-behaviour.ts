import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { composeReply, embed, promptOf } from './gemini-replies.ts';
import type { GeminiRequest } from './gemini-stand-in.ts';

/** What the stand-in does with one request. */
export type Behaviour =
  /** Answers with this text. */
  | { text: string; finishReason?: string }
  /** An HTTP error as Google words it; with `retryDelay` (`"7s"`) a google.rpc.RetryInfo is added. */
  | { error: number; reason?: string; message?: string; retryDelay?: string }
  /** An error that comes in the stream, after its first part. */
  | { errorInStream: number }
  /** Answers properly, after so long. */
  | { delayMs: number }
  /** Takes the request and never answers. */
  | 'hang'
  /** Answers in small pieces, a few milliseconds apart. */
  | 'drip'
  /** The same, so many milliseconds apart. */
  | { dripMs: number }
  /** Calls a tool that it was never given, and writes nothing. */
  | 'tool call'
  /** Sends the head and half of the answer, then drops the connection. */
  | 'cut'
  /** Ends the stream properly, but before the answer has finished. */
  | 'unfinished'
  | 'broken json'
  | 'prompt blocked'
  | 'answer blocked'
  | 'no candidates'
  | 'empty text';

/** Carries one behaviour out; a request without one is answered properly. */
export async function play(
  outgoing: ServerResponse,
  request: GeminiRequest | undefined,
  behaviour: Behaviour | undefined,
): Promise<void> {
  if (behaviour === 'hang') return;
  if (typeof behaviour === 'object' && 'error' in behaviour) return sendError(outgoing, behaviour);
  if (typeof behaviour === 'object' && 'delayMs' in behaviour) {
    await wait(behaviour.delayMs);
    return play(outgoing, request, undefined);
  }
  if (!request) throw new Error('Only an error can be played without a request.');
  if (request.action.toLowerCase().includes('embed')) return sendVectors(outgoing, request, behaviour);
  const parts = partsOf(request, behaviour);
  if (request.action === 'streamGenerateContent') return sendStream(outgoing, parts, behaviour);
  const whole = { ...parts.at(-1), candidates: mergeCandidates(parts) };
  await sendBody(outgoing, JSON.stringify(parts.length === 1 ? parts[0] : whole), behaviour);
}

interface Part {
  candidates?: {
    content?: { role: 'model'; parts: { text?: string; functionCall?: unknown }[] };
    finishReason?: string;
    index: 0;
  }[];
  promptFeedback?: { blockReason: string };
  usageMetadata: { promptTokenCount: number; candidatesTokenCount: number; totalTokenCount: number };
  error?: { code: number; message: string; status: string };
}

/** The reply in the pieces that a stream sends it in. */
function partsOf(request: GeminiRequest, behaviour: Behaviour | undefined): Part[] {
  const given = typeof behaviour === 'object' && 'text' in behaviour ? behaviour : undefined;
  const text = behaviour === 'empty text' ? '' : (given?.text ?? composeReply(request));
  const usageMetadata = usage(promptOf(request), text);
  if (behaviour === 'prompt blocked') return [{ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata }];
  if (behaviour === 'no candidates') return [{ usageMetadata }];
  if (behaviour === 'answer blocked')
    return [{ candidates: [{ finishReason: 'SAFETY', index: 0 }], usageMetadata }];
  if (behaviour === 'tool call') {
    const functionCall = { name: 'send_email', args: { to: 'eve@evil.example' } };
    return [
      {
        candidates: [
          { content: { role: 'model', parts: [{ functionCall }] }, finishReason: 'STOP', index: 0 },
        ],
        usageMetadata,
      },
    ];
  }
  const pieces = text.match(/\S+\s*|\s+/g) ?? [''];
  const parts = pieces.map(
    (piece): Part => ({
      candidates: [{ content: { role: 'model', parts: [{ text: piece }] }, index: 0 }],
      usageMetadata,
    }),
  );
  const last = parts.at(-1)?.candidates?.[0];
  if (last && behaviour !== 'unfinished') last.finishReason = given?.finishReason ?? 'STOP';
  if (typeof behaviour === 'object' && 'errorInStream' in behaviour) {
    const error = {
      code: behaviour.errorInStream,
      message: 'The model is overloaded.',
      status: 'UNAVAILABLE',
    };
    return [...parts.slice(0, 1), { error, usageMetadata }];
  }
  return parts;
}

function mergeCandidates(parts: Part[]): Part['candidates'] {
  const text = parts.map((part) => part.candidates?.[0]?.content?.parts[0]?.text ?? '').join('');
  const finishReason = parts.at(-1)?.candidates?.[0]?.finishReason;
  const candidate = { content: { role: 'model' as const, parts: [{ text }] }, index: 0 as const };
  return [finishReason === undefined ? candidate : { ...candidate, finishReason }];
}

/** Counts words: the tokenizer of the model is not known here. */
function usage(prompt: string, reply: string): Part['usageMetadata'] {
  const count = (text: string) => text.split(/\s+/).filter(Boolean).length;
  const [promptTokenCount, candidatesTokenCount] = [count(prompt), count(reply)];
  return { promptTokenCount, candidatesTokenCount, totalTokenCount: promptTokenCount + candidatesTokenCount };
}

async function sendStream(
  outgoing: ServerResponse,
  parts: Part[],
  behaviour: Behaviour | undefined,
): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  const events = parts.map((part) => `data: ${JSON.stringify(part)}\r\n\r\n`);
  if (behaviour === 'broken json') events.splice(1, 0, 'data: {"candidates": [{"content"\r\n\r\n');
  const sent = behaviour === 'cut' ? events.slice(0, Math.ceil(events.length / 2)) : events;
  for (const event of sent) {
    outgoing.write(event);
    await pauseOf(behaviour);
  }
  if (behaviour === 'cut') await drop(outgoing);
  else outgoing.end();
}

async function sendBody(
  outgoing: ServerResponse,
  body: string,
  behaviour: Behaviour | undefined,
): Promise<void> {
  const half = body.slice(0, Math.floor(body.length / 2));
  const sent = behaviour === 'broken json' ? half : body;
  outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) });
  if (behaviour === 'cut') {
    outgoing.write(half);
    await drop(outgoing);
  } else if (dripOf(behaviour) > 0) {
    for (const piece of body.match(/.{1,40}/gs) ?? []) {
      outgoing.write(piece);
      await pauseOf(behaviour);
    }
    outgoing.end();
  } else outgoing.end(sent);
}

export function dripOf(behaviour: Behaviour | undefined): number {
  if (behaviour === 'drip') return 5;
  return typeof behaviour === 'object' && 'dripMs' in behaviour ? behaviour.dripMs : 0;
}

export async function pauseOf(behaviour: Behaviour | undefined): Promise<void> {
  if (dripOf(behaviour) > 0) await wait(dripOf(behaviour));
}

/** Drops the connection once what was written is on its way, so that the client sees a beginning. */
export async function drop(outgoing: ServerResponse): Promise<void> {
  if (outgoing.writableNeedDrain) await once(outgoing, 'drain');
  outgoing.socket?.destroySoon();
}

async function sendVectors(
  outgoing: ServerResponse,
  { action, body }: GeminiRequest,
  behaviour: Behaviour | undefined,
) {
  const vectors = (body.requests ?? []).map(embed);
  const answer =
    action === 'batchEmbedContents'
      ? { embeddings: vectors }
      : { embedding: embed({ ...body, content: body.content ?? { parts: [] } }) };
  await sendBody(outgoing, JSON.stringify(answer), behaviour);
}

const reasons: Record<number, string> = { 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 503: 'UNAVAILABLE' };

function sendError(outgoing: ServerResponse, fault: Extract<Behaviour, { error: number }>): void {
  const { error: code, reason = reasons[code] ?? 'UNKNOWN', message = `Status ${code}.`, retryDelay } = fault;
  const details = retryDelay ? [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }] : [];
  outgoing.writeHead(code, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ error: { code, message, status: reason, details } }));
}
