import { type AnswerHandle, createClient } from '../src/client/client.ts';
import { ApiError, type ClientOptions } from '../src/client/http.ts';
import type { Answer, AskOptions } from '../src/client/types.ts';

export interface AskFlags {
  mode: 'answer' | 'summary' | 'keypoints';
  top?: number;
  strategy?: NonNullable<AskOptions['strategy']>;
  taxonomy?: string;
  /** Seconds. */
  timeout: number;
  stream: boolean;
  json: boolean;
}

interface Output {
  stdout: { write(text: string): unknown; isTTY?: boolean };
  stderr: { write(text: string): unknown };
  signal: AbortSignal;
}

export type AskOutcome = 'answered' | 'abstained' | 'failed';

/**
 * Asks and prints: on a terminal the draft as it is written, then the answer where checking it against the sources changed it, and
 * its sources. Ctrl-C cancels the answer.
 *
 * @throws ApiError, WaitTimeout; the signal's reason
 */
export async function ask(
  service: ClientOptions,
  question: string,
  flags: AskFlags,
  output: Output,
): Promise<AskOutcome> {
  const handle = createClient(service).ask(question, optionsOf(flags));
  const deadline = Date.now() + flags.timeout * 1000;
  try {
    const live = flags.stream && !flags.json && output.stdout.isTTY === true;
    const draft = live ? await printDraft(handle, deadline, output) : '';
    const answer = await handle.wait({
      timeoutMs: Math.max(1, deadline - Date.now()),
      signal: output.signal,
    });
    output.stdout.write(flags.json ? `${JSON.stringify(answer, null, 2)}\n` : describe(answer, draft));
    if (answer.status !== 'completed') return 'failed';
    return answer.abstained ? 'abstained' : 'answered';
  } catch (error) {
    // Nobody waits for it any more. A key of scope read may not cancel: then it ends by itself.
    if (output.signal.aborted) await handle.cancel().catch(() => undefined);
    throw error;
  }
}

function optionsOf({ mode, strategy, taxonomy, timeout, top }: AskFlags): AskOptions {
  const path = taxonomy?.split('/').filter((label) => label !== '');
  return {
    mode,
    deadline_ms: timeout * 1000,
    ...(top === undefined ? {} : { final_topk: top }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(path && path.length > 0 ? { filters: { canonical_in: [path] } } : {}),
  };
}

/** What the model writes, as it comes; returns what of it stands in the end. */
async function printDraft(handle: AnswerHandle, deadline: number, output: Output): Promise<string> {
  const { signal, stderr, stdout } = output;
  let draft = '';
  const late = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
  try {
    for await (const event of handle.events({ signal: AbortSignal.any([signal, late]) })) {
      if (event.type === 'restart') {
        if (draft !== '') stderr.write(`\n(${event.data.reason}: begun anew)\n`);
        draft = '';
      } else if (event.type === 'delta') {
        draft += event.data.text;
        stdout.write(event.data.text);
      }
    }
  } catch (error) {
    // Without events, or when they are no longer kept, there is still the answer: it is waited for.
    const without = error instanceof ApiError && [404, 410].includes(error.status);
    if (signal.aborted || (error instanceof ApiError && !without && !error.retryable)) throw error;
  }
  return draft;
}

/** The answer and its sources; what stands on the screen already is not repeated. */
export function describe(answer: Answer, draft = ''): string {
  if (answer.status !== 'completed')
    return `${draft && '\n'}The answer ended ${answer.status}${answer.error ? `: ${answer.error.detail}` : '.'}\n`;
  const text = answer.answer ?? '';
  const same = draft.trim() === text.trim() && draft !== '';
  const sources = (answer.sources ?? []).map(describeSource);
  return [
    ...(same ? [''] : [...(draft ? ['\n'] : []), text]),
    ...(sources.length > 0 ? ['', ...sources] : []),
    ...(answer.degraded ? ['', `(degraded: ${answer.degraded})`] : []),
    '',
  ].join('\n');
}

function describeSource({
  date,
  n,
  page,
  quote,
  source_url,
  title,
}: NonNullable<Answer['sources']>[number]): string {
  const where = [title ?? 'untitled', page === null ? null : `p. ${page}`, date, source_url];
  const said = quote.replace(/\s+/g, ' ').trim();
  const short = said.length > 200 ? `${said.slice(0, 199)}…` : said;
  return `[${n}] ${where.filter(Boolean).join(', ')}${short ? `\n    “${short}”` : ''}`;
}
