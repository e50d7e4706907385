import { type Behaviour, play } from './gemini-behaviour.ts';
import { readBody, startStandInServer } from './stand-in-server.ts';

export type { Behaviour } from './gemini-behaviour.ts';

export interface GeminiRequest {
  model: string;
  action: 'generateContent' | 'streamGenerateContent' | 'embedContent' | 'batchEmbedContents';
  /** The JSON body as it came over the wire; the API key stands in a header and is not kept. */
  body: GeminiBody;
}

export interface GeminiBody {
  systemInstruction?: Content;
  contents?: Content[];
  generationConfig?: Record<string, unknown>;
  requests?: EmbedBody[];
  content?: Content;
  [field: string]: unknown;
}

export interface EmbedBody {
  model?: string;
  content: Content;
  taskType?: string;
  outputDimensionality?: number;
}

interface Content {
  role?: string;
  parts: { text?: string }[];
}

/** What to do with a request; undefined: answer it properly. */
export type Script = Behaviour[] | ((request: GeminiRequest) => Behaviour | undefined);

export interface GeminiStandIn {
  /** For `GEMINI_BASE_URL`. */
  url: string;
  /** Every request so far, oldest first. */
  requests: GeminiRequest[];
  /** A list is used up one request at a time, then requests are answered properly again; a function stays. */
  script(script: Script): void;
  /** Requests whose caller went away before the answer was all there. */
  abandoned(): number;
  close(): Promise<void>;
}

/**
 * Speaks the REST protocol of the Gemini API on a free local port: `:generateContent`, `:streamGenerateContent?alt=sse`,
 * `:embedContent`, `:batchEmbedContents`. Accepts `apiKey` alone where one is given, else any.
 */
export async function startGeminiStandIn({ apiKey }: { apiKey?: string } = {}): Promise<GeminiStandIn> {
  const requests: GeminiRequest[] = [];
  const { origin, ...server } = await startStandInServer<Behaviour, GeminiRequest>(
    async (incoming, outgoing, behaviourFor) => {
      const target = /^\/v1beta\/models\/([^/:]+):(\w+)(\?alt=sse)?$/.exec(incoming.url ?? '');
      const body = await readBody(incoming);
      const key = incoming.headers['x-goog-api-key'];
      if (!target) return play(outgoing, undefined, { error: 404, reason: 'NOT_FOUND' });
      if (!key) return play(outgoing, undefined, { error: 403, reason: 'PERMISSION_DENIED' });
      if (apiKey !== undefined && key !== apiKey) {
        return play(outgoing, undefined, {
          error: 400,
          reason: 'INVALID_ARGUMENT',
          message: `API key not valid: ${key}`,
        });
      }
      const request = {
        model: target[1],
        action: target[2],
        body: JSON.parse(body.toString()),
      } as GeminiRequest;
      requests.push(request);
      await play(outgoing, request, behaviourFor(request));
    },
  );
  return { ...server, url: origin, requests };
}
