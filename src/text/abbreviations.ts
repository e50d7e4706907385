// Never the end of a sentence: something has to follow.
const titles =
  'Mr|Mrs|Ms|Dr|Prof|Rev|Hon|St|Gen|Sen|Rep|Gov|Capt|Lt|Col|Sgt|Mt|Ft|vs|viz|cf|e\\.g|i\\.e|eg|ie|U\\.S|U\\.K|U\\.N|E\\.U|approx|Messrs';
// Followed by a number: `Fig. 3`, `No. 7`, `Jan. 5`.
const numbered =
  'Fig|Figs|Eq|Eqs|Sec|Ch|Chap|No|Nos|Vol|vol|pp?|Art|art|Tab|Ref|Refs|ca|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec';
// May end a sentence; it does not where the next word is no new beginning.
const closing = 'etc|al|Inc|Ltd|Co|Corp|Jr|Sr|a\\.m|p\\.m|Ph\\.D|M\\.D|B\\.A|M\\.A|ed|eds|est|dept|Dept';

const before = '(?:^|[\\s([{"\'“‘—–-])';
const endsWithTitle = new RegExp(`${before}(?:${titles})\\.$`);
const endsWithNumbered = new RegExp(`${before}(?:${numbered})\\.$`, 'i');
const endsWithClosing = new RegExp(`${before}(?:${closing})\\.$`);

/**
 * Whether a full stop found by the Unicode rules (UAX #29) is none: after abbreviations and initials, in Korean dates
 * (`2024. 3. 15. 발표`), after the number of a list item, and where a Korean quotation goes on (`"갔다."라고 말했다`).
 *
 * @param sentence the sentence so far, up to the stop, trimmed
 * @param rest what follows, white space included; a few dozen characters are enough
 */
export function isFalseStop(sentence: string, rest: string): boolean {
  const next = rest.trimStart();
  const tail = sentence.slice(-40);
  if (endsWithTitle.test(tail)) return true;
  if (endsWithNumbered.test(tail) && /^[\d#]/.test(next)) return true;
  if (endsWithClosing.test(tail) && /^[\p{Ll}\d,;:([{–—-]/u.test(next)) return true;
  if (/(?:^|[\s(.])\p{Lu}\.$/u.test(tail) && /^\p{Lu}[\p{L}.]/u.test(next)) return true;
  if (/(?:^|\D)\d{1,4}\.$/.test(tail) && /^\d{1,2}\.(?:\D|$)/.test(next)) return true;
  if (/\d{4}\. ?\d{1,2}\.(?: ?\d{1,2}\.)?$/.test(tail) && next !== '') return true;
  if (/^(?:제?\d{1,3}|[가나다라마바사아자차카타파하]|[A-Za-z]|[ivxIVX]{1,5})\.$/.test(sentence)) return true;
  if (
    /["”’'」』)]$/.test(tail) &&
    /^(?:라고|라는|라며|라면서|라던|이라고|이라는|이라며|하고|하며|고\s|며\s|는\s|란\s)/.test(rest)
  )
    return true;
  if (/[!?]['"’”]$/.test(tail) && /^\p{Ll}/u.test(next)) return true;
  return /^[.!?。…,;:)\]}”’」』]/.test(next);
}
