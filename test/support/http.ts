/** What came back. `body` is parsed where it is JSON, else undefined. */
export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // Tests read fields of many shapes and compare them: an unexpected one fails the comparison.
  body: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: responses are what the tests are to find out about
export type Json = any;

export interface Call {
  json?: unknown;
  form?: FormData;
  /** Sent as it is. */
  raw?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
}

export interface Client {
  url: string;
  call(method: string, path: string, call?: Call): Promise<Reply>;
  get(path: string, call?: Call): Promise<Reply>;
  post(path: string, json?: unknown, headers?: Record<string, string>): Promise<Reply>;
  put(path: string, json?: unknown): Promise<Reply>;
  delete(path: string): Promise<Reply>;
}

/** Speaks to the service at `url`, with the key where there is one. */
export function createClient(url: string, key?: string): Client {
  const call = async (method: string, path: string, { json, form, raw, headers }: Call = {}) => {
    const body = json === undefined ? (form ?? raw) : JSON.stringify(json);
    const response = await fetch(new URL(path, url), {
      method,
      redirect: 'manual',
      headers: {
        ...(key === undefined ? {} : { 'X-API-Key': key }),
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      ...(raw instanceof ReadableStream ? { duplex: 'half' as const } : {}),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
  };
  return {
    url,
    call,
    get: (path, options) => call('GET', path, options),
    post: (path, json, headers = {}) => call('POST', path, { json, headers }),
    put: (path, json) => call('PUT', path, { json }),
    delete: (path) => call('DELETE', path),
  };
}

/** A form with one file and text fields. */
export function fileForm(
  file: { name: string; bytes: string | Uint8Array<ArrayBuffer>; type?: string },
  fields: Record<string, string> = {},
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([file.bytes], { type: file.type ?? '' }), file.name);
  return form;
}
