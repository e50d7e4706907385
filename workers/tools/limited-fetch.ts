import { ToolFault } from './tool.ts';

export interface Limits {
  /** Most bytes of one reply. */
  maxBytes: number;
  /** Told of a reply that is larger, or that broke off: nobody else may ever hear of it. */
  broken: (fault: ToolFault) => void;
}

/**
 * `fetch` for a server that is not trusted: counts while it reads, after decompression, and lets go at the limit. Redirects are
 * refused, since headers with secrets would go along. A stream without a question (GET) is not opened: it has no end.
 */
export function limitedFetch({ maxBytes, broken }: Limits) {
  return async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    if (init.method === 'GET' && !new Headers(init.headers).has('last-event-id'))
      return new Response(null, { status: 405 });
    const response = await fetch(url, { ...init, redirect: 'error' }).catch((cause) => {
      if (init.signal?.aborted) throw cause;
      throw new ToolFault('unavailable', 'The server could not be reached.', { cause });
    });
    if (!response.body) return response;
    const { status, statusText, headers } = response;
    const body = counted(response.body, maxBytes, broken, init.signal ?? undefined);
    return new Response(body, { status, statusText, headers });
  };
}

function counted(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  broken: Limits['broken'],
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  // Whoever reads may not want the rest: what is under way then ends without a reader.
  let unwanted = false;
  const fail = (controller: ReadableStreamDefaultController, fault: ToolFault) => {
    controller.error(fault);
    broken(fault);
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (unwanted) return;
        if (done) return controller.close();
        bytes += value.byteLength;
        if (bytes <= maxBytes) return controller.enqueue(value);
        await reader.cancel();
        fail(controller, tooLarge(maxBytes));
      } catch (error) {
        if (unwanted) return;
        if (signal?.aborted) return controller.error(error);
        fail(controller, new ToolFault('unavailable', 'The server broke off its reply.', { cause: error }));
      }
    },
    cancel: (reason) => {
      unwanted = true;
      return reader.cancel(reason);
    },
  });
}

export function tooLarge(maxBytes: number): ToolFault {
  return new ToolFault('too_large', `The server sent more than ${maxBytes} bytes.`);
}
