import type { Client, Json } from './http.ts';

export interface SentEvent {
  id: number;
  event: string;
  data: Json;
}

export interface EventStream {
  status: number;
  /** Resolves with the next event; undefined when the stream has ended, throws when it broke off. */
  next(): Promise<SentEvent | undefined>;
  /** What is left until the stream ends. */
  rest(): Promise<SentEvent[]>;
  close(): Promise<void>;
}

/** Reads server-sent events one by one, while they come. */
export async function openEvents(
  { url }: Pick<Client, 'url'>,
  path: string,
  headers: Record<string, string>,
): Promise<EventStream> {
  const abort = new AbortController();
  const response = await fetch(new URL(path, url), { headers, signal: abort.signal });
  const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<SentEvent | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const event = readBlock(text.slice(0, end));
        text = text.slice(end + 2);
        if (event) return event;
        continue;
      }
      const piece = await pieces?.read();
      if (!piece || piece.done) return undefined;
      text += piece.value;
    }
  };
  return {
    status: response.status,
    next,
    rest: async () => {
      const events: SentEvent[] = [];
      for (let event = await next(); event; event = await next()) events.push(event);
      return events;
    },
    close: async () => {
      await pieces?.cancel().catch(() => undefined);
      abort.abort();
    },
  };
}

function readBlock(block: string): SentEvent | undefined {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
  if (!fields.event) return undefined;
  return { id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) };
}
