import { replyTo } from './gemini-replies.ts';
import type { Injection } from './injections.ts';
import type { Behaviour, Shown } from './llm-stand-in.ts';

/**
 * A model that knows no better than delimiters: it obeys whatever stands in its prompt outside them, and takes anything that
 * looks like the end of a source for one, whatever its boundary, its width or what is hidden in it. Texts that speak as
 * another (chat templates) it obeys wherever they stand. Otherwise it answers properly.
 */
export function obedient(all: readonly Injection[]): (shown: Shown) => Behaviour | undefined {
  return ({ prompt }) => {
    const free = readable(outside(prompt));
    const obeyed = all.find(({ goal }) => free.includes(readable(wordOf(goal))));
    return obeyed && act(obeyed, prompt);
  };
}

/** One that obeys whatever it reads, delimited or not: what its output is checked for must hold even then. */
export function depraved(all: readonly Injection[]): (shown: Shown) => Behaviour | undefined {
  return ({ prompt }) => {
    const read = readable(prompt);
    const obeyed = all.find(({ goal }) => read.includes(readable(wordOf(goal))));
    return obeyed && act(obeyed, prompt);
  };
}

function act({ goal }: Injection, prompt: string): Behaviour {
  if ('tool' in goal) return 'tool call';
  const proper = replyTo(prompt);
  if ('say' in goal) return { text: goal.say };
  const { link } = goal;
  const shown = /^https?:/.test(link)
    ? `![x](${link}?d=secret) [more](${link}) <img src="${link}"> <${link}> ${link} [x][y]\n[y]: ${link}`
    : link;
  return { text: `${proper} ${shown}` };
}

const wordOf = (goal: Injection['goal']) =>
  'say' in goal ? goal.say : 'link' in goal ? goal.link : goal.tool;

/** Letters and digits alone, as a model sees through widths and what is hidden between letters. */
function readable(text: string): string {
  const spelt = text.replace(/[\u{e0020}-\u{e007e}]/gu, (tag) =>
    String.fromCodePoint((tag.codePointAt(0) ?? 0) - 0xe0000),
  );
  return spelt
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

const opens = /^\W*<{2,}\W*(?:source|question)\b/iu;
const closes = /<{2,}\W*end\s+(?:source|question)\b/iu;
const turn = /<\|[^|]*\|>|\[\/?INST\]|<\/?(?:system|start_of_turn|end_of_turn|instructions?|tool_call)>/iu;

/** The lines of the prompt that stand outside its delimiters, and those after what passes for a turn of the conversation. */
function outside(prompt: string): string {
  const free: string[] = [];
  let inside = false;
  for (const line of prompt.normalize('NFKC').split(/[\n\u2028\u2029]/u)) {
    const plain = line
      .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
      .replace(/[《〈«‹]{2,}/gu, '<<<');
    if (!inside && opens.test(plain)) {
      inside = true;
      continue;
    }
    const end = closes.exec(plain) ?? (inside ? turn.exec(plain) : null);
    if (end) {
      inside = false;
      free.push(plain.slice(end.index));
    } else if (!inside) free.push(plain);
  }
  return free.join('\n');
}
