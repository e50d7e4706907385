/** An event as it came over the wire. */
export interface WireEvent {
  id: string;
  event: string;
  data: string;
}

export interface EventReader {
  /** What the stream asks for, milliseconds, before it is opened again. */
  retryMs: number | undefined;
  events: AsyncGenerator<WireEvent>;
}

/**
 * The events of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them; comments are passed over. An
 * event that was cut off is none. Ends where the stream does; throws when nothing came for `idleMs`, heartbeats included.
 */
export function readEvents(body: ReadableStream<Uint8Array>, idleMs: number): EventReader {
  const reader: EventReader = { retryMs: undefined, events: parse() };
  return reader;

  async function* parse(): AsyncGenerator<WireEvent> {
    let event = empty();
    for await (const line of linesOf(body, idleMs)) {
      if (line === '') {
        if (event.data.length > 0)
          yield { id: event.id, event: event.name || 'message', data: event.data.join('\n') };
        event = { ...empty(), id: event.id };
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'data') event.data.push(value);
      else if (field === 'event') event.name = value;
      else if (field === 'id' && !value.includes('\0')) event.id = value;
      else if (field === 'retry' && /^\d{1,7}$/.test(value)) reader.retryMs = Number(value);
    }
  }
}

const empty = () => ({ id: '', name: '', data: [] as string[] });

/** Lines that have ended, by \n, \r\n or \r. */
async function* linesOf(body: ReadableStream<Uint8Array>, idleMs: number): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(idleMs, reader.read());
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A \r at the end may be half of a \r\n.
      const parts = rest.split(/\r\n|\n|\r(?!$)/);
      rest = parts.pop() ?? '';
      yield* parts;
    }
  } finally {
    // Also when nobody reads on: the connection is closed.
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new TypeError(`nothing came for ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
