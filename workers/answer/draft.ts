import type { Passage } from '../../src/retrieval/passage.ts';
import { withoutMarks } from './datamark.ts';
import { withoutForeignLinks } from './foreign-links.ts';
import type { Report } from './progress.ts';
import { noAnswerToken } from './prompt.ts';

export interface Draft {
  /** A piece of the model's text. */
  write(piece: string): void;
  /** What was told is void. Nothing is told of it where nothing was. */
  restart(reason: string): void;
  /** The rest of the text, which is whole now. */
  end(): void;
}

/** A word that is not yet whole; and all that follows something still open: a link may come of it. */
const lastWord = /\S+$/u;
const open = /(?:!?\[[^\]]*(?:\](?:[([][^)\]]*)?)?|<[^>\n]*|`[^`\n]*)$/u;

/**
 * Tells of a model's text as it is written, word by word: without the addresses that no passage has, so that a page which
 * shows drafts fetches nothing from a stranger, and without the token that says that there is no answer.
 */
export function startDraft(report: Report, passages: readonly Passage[], mark: string): Draft {
  let text = '';
  let told = '';
  const tell = (upTo: string) => {
    if (noAnswerToken.startsWith(upTo.trim()) || upTo.trim().startsWith(noAnswerToken)) return;
    const clean = withoutForeignLinks(withoutMarks(upTo, mark), passages);
    // What was told can't be taken back: should more text have changed it, the rest waits for the finished answer.
    if (clean.length <= told.length || !clean.startsWith(told)) return;
    report({ type: 'delta', data: { text: clean.slice(told.length) } });
    told = clean;
  };
  return {
    write(piece) {
      text += piece;
      // Looking at all of it for every word would take time by the square of its length.
      if (/\s/u.test(piece) || text.length < 200) tell(text.replace(lastWord, '').replace(open, ''));
    },
    restart(reason) {
      if (told !== '') report({ type: 'restart', data: { reason } });
      text = '';
      told = '';
    },
    end: () => tell(text),
  };
}
