import { appendEvents, type NewEvent } from '../../src/db/answer-events.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { Context } from '../context.ts';
import type { Progress, Report } from './progress.ts';

/** What is told within so long goes to the database in one statement. */
const everyMs = 50;
/** The first of it waits longer: an answer that has ended by then tells all in the statement that ends it. */
const firstMs = 100;
/** What may wait to be told: characters of draft, and events. A database that takes so little has other worries. */
const mostCharacters = 200_000;
const mostEvents = 500;

export interface Telling {
  report: Report;
  /** Tells no more by itself. Resolves with what has not been told yet, for the transaction that ends the answer. */
  end(): Promise<Told>;
}

/** What is left to be told, and the documents that drafts in it may come from. */
export interface Told {
  events: NewEvent[];
  documents: string[];
}

/**
 * Tells of an answer while it is written, in the order in which it is reported: in the background, so that neither a slow
 * database nor a lost one delays it. A draft of which too much is untold is given up, and said to be void.
 */
export function startTelling(answer: ClaimedAnswer, { db, log }: Pick<Context, 'db' | 'log'>): Telling {
  const buffer = createBuffer();
  let before = answer.event_seq;
  let over = false;
  let told = false;
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> = Promise.resolve();
  const later = () => {
    if (over) return;
    const ms = told ? everyMs : firstMs;
    timer ??= setTimeout(() => {
      telling = tell();
    }, ms);
  };
  const tell = async () => {
    const events = buffer.take();
    told = true;
    try {
      if (events.length > 0)
        before = await appendEvents(
          db,
          { id: answer.id, token: answer.token, before },
          events,
          buffer.documents(),
        );
    } catch (error) {
      // Without its lease nobody wants to hear more of it; anything else may pass, and the end is told in any case.
      over ||= (error as { code?: string }).code === 'lease_lost';
      buffer.putBack(events);
      log.debug({ err: error }, 'could not tell of an answer');
    }
    timer = undefined;
    if (buffer.size() > 0) later();
  };
  const report: Report = (progress) => {
    buffer.add(progress);
    if (buffer.size() > 0) later();
  };
  // A further try begins anew: who listens has what the one before told.
  if (answer.event_seq > 0) report({ type: 'restart', data: { reason: 'Another try begins anew.' } });
  return {
    report,
    end: async () => {
      over = true;
      clearTimeout(timer);
      await telling;
      return { events: buffer.take(), documents: buffer.documents() };
    },
  };
}

/** What is still to be told. Pieces of a draft that follow each other are one event. */
function createBuffer() {
  let waiting: NewEvent[] = [];
  let documents: string[] = [];
  let muted = false;
  /** Half a surrogate pair at the end of a piece; its other half comes with the next one. */
  let half = '';

  const addDelta = (piece: string) => {
    if (muted) return;
    const whole = half + piece;
    half = /[\ud800-\udbff]$/.test(whole) ? whole.slice(-1) : '';
    // The database holds neither NUL nor half a pair.
    const text = whole.slice(0, whole.length - half.length).replace(/[\0\p{Surrogate}]/gu, '');
    if (text === '') return;
    const last = waiting.at(-1);
    if (last?.type === 'delta') last.data = { text: `${last.data.text}${text}` };
    else waiting.push({ type: 'delta', data: { text } });
    const drafted = waiting.reduce((sum, { data }) => sum + String(data.text ?? '').length, 0);
    if (drafted > mostCharacters) giveUpDraft();
  };
  const giveUpDraft = () => {
    muted = true;
    half = '';
    waiting = waiting.filter(({ type }) => type !== 'delta');
    waiting.push({ type: 'restart', data: { reason: 'The draft came faster than it could be told.' } });
  };
  return {
    add: (progress: Progress) => {
      if (progress.type === 'passages') documents = progress.data.documentIds;
      else if (progress.type === 'delta') addDelta(progress.data.text);
      else if (progress.type === 'restart' || waiting.length < mostEvents) {
        if (progress.type === 'restart') {
          muted = false;
          half = '';
        }
        waiting.push({ type: progress.type, data: { ...progress.data } });
      }
    },
    take: (): NewEvent[] => {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    putBack: (events: NewEvent[]) => {
      waiting = [...events, ...waiting];
    },
    size: () => waiting.length,
    documents: () => documents,
  };
}
