import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { Log } from '../log.ts';

/** Writes a text to a response: at once when it is all in `first`, else part by part as the caller takes it. */
export async function sendText(
  first: string,
  others: AsyncGenerator<string>,
  log: Log,
): Promise<(response: Response) => void> {
  const second = await others.next();
  const all = async function* () {
    yield first;
    if (!second.done) yield second.value;
    yield* others;
  };
  return (response) => {
    response.type('text/plain; charset=utf-8');
    if (second.done) response.send(first);
    // A caller who has gone, or a database: either way the response is cut off, which is all that can be said by then.
    else
      pipeline(Readable.from(all()), response).catch((error) =>
        log.warn({ err: error }, 'a text was not sent whole'),
      );
  };
}
