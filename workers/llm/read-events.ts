import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The data of server-sent events until the stream ends or says `[DONE]`; none where there is no body. */
export async function* readEvents(body: ReadableStream<Uint8Array> | null): AsyncIterable<string> {
  if (!body) return;
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === '[DONE]') return;
    yield data;
  }
}
