import { mostParts, standAlone } from './stand-alone.ts';

type Rule = (text: string) => string[] | null;

/** The parts of an English question; null where it is one. What only long questions are made of is looked for in those. */
export function splitEnglish(text: string, { long }: { long: boolean }): string[] | null {
  const rules: Rule[] = [
    compared,
    listed,
    joined,
    ...(long ? [contrasted, between, introduced, described] : []),
  ];
  for (const rule of rules) {
    const parts = rule(text);
    if (parts) return parts;
  }
  return null;
}

const countWords = (text: string) => text.split(' ').filter(Boolean).length;
const bare = (text: string) => text.trim().replace(/[?.!]+$/u, '');

const comparisons = [
  /\b(?:differences?|similarit(?:y|ies)|distinctions?|comparison) between (?:both )?(.+?) and (.+)$/iu,
  /^(?:please )?compare (?:both )?(.+?) (?:and|with|to) (.+)$/iu,
  /^how (?:do|does|did|are|is) (.+?) (?:differ(?:ent)? from|compared? (?:to|with)) (.+)$/iu,
  /^how (?:do|does|did) (.+?) and (.+?) (?:differ|compare)\b/iu,
  /^(?:what is better[,:]? |which is better[,:]? )?(.+?) (?:vs\.?|versus) (.+)$/iu,
];
const aspectOf =
  /,? (?:in terms of|with (?:respect|regard) to|regarding|concerning|when it comes to|as to) (.+)$/iu;
const mostSideWords = 12;
/** Names nothing by itself. */
const stand = /^(?:that|those|it|them|each other|one another)\b/iu;

/** The two sides, each with what they are compared in. */
function compared(text: string): string[] | null {
  const asked = bare(text);
  const aspect = aspectOf.exec(asked)?.[1];
  const core = asked.replace(aspectOf, '');
  for (const form of comparisons) {
    const [, one, other] = form.exec(core) ?? [];
    const sides = [one ?? '', other ?? ''];
    if (!one || !other || sides.some((side) => countWords(side) > mostSideWords || stand.test(side)))
      continue;
    return [withHead(one, other), other].map((side) => (aspect ? `${side}, ${aspect}` : side));
  }
  return null;
}

/** "the sick and the annual leave": the head stands with the last one only. */
function withHead(one: string, other: string): string {
  const lean = /^(?:the |an? )?([a-z\d-]+)$/u.test(one);
  const [, head] = /^(?:the |an? )?[\w-]+ ([a-z-]+)$/u.exec(other) ?? [];
  return lean && head ? `${one} ${head}` : one;
}

const list = '(?:[^,?]+?, )*[^,?]+?,? and [^,?]+?';
const lists = [
  new RegExp(
    `^(.*\\b(?:for|of|in|to|by|on|at|from|with|are|is|about)) (${list}),? (respectively)\\b(.*)$`,
    'iu',
  ),
  new RegExp(`^(.*\\b)(?:each of|for both|of both) (${list})()([?,.].*|)$`, 'iu'),
];
const [mostItemWords, mostBeforeWords] = [6, 12];

/** Things of which the same is asked, where the question says that it is asked of each. */
function listed(text: string): string[] | null {
  for (const form of lists) {
    const [, before, things = '', , after = ''] = form.exec(text) ?? [];
    const items = things.split(/,? and |, /u).map((item) => item.trim());
    if (before === undefined || items.length < 2 || countWords(before) > mostBeforeWords) continue;
    if (items.some((item) => countWords(item) > mostItemWords)) continue;
    return items.map((item) => `${before.trim()} ${item}${bare(after)}?`);
  }
  return null;
}

const questionWord = 'what|when|where|which|who|whom|whose|why|how';
const preposition = '(?:by|at|in|on|for|from|to|with|until|since|under) ';
const joint = new RegExp(
  `,? (?:and|but|or)(?: also)? (?=(?:(?:${preposition})?(?:${questionWord})|(?:do|does|did|can|could|should|will|would)|(?:is|are|was|were|has|have)(?= (?:there|it|they|the|this|that|these|those)\\b))\\b)`,
  'giu',
);
const leastWords = 3;

/** Questions that a conjunction joins: what follows it begins as a question does. */
function joined(text: string): string[] | null {
  const parts: string[] = [];
  let from = 0;
  for (const { index, 0: gap } of text.matchAll(joint)) {
    // More parts than a plan has stay in its last one.
    if (parts.length === mostParts - 1) break;
    const [before, after] = [text.slice(from, index), text.slice(index + gap.length)];
    if (countWords(before) < leastWords || countWords(after) < leastWords || !begins(before, after)) continue;
    parts.push(before);
    from = index + gap.length;
  }
  return parts.length === 0 ? null : standAlone([...parts, text.slice(from)]);
}

/** "… and who leads it" may go on with a clause, and "which … and is …" does. */
function begins(before: string, after: string): boolean {
  const [word = ''] = /^\w+/u.exec(after.toLowerCase().replace(new RegExp(`^${preposition}`, 'u'), '')) ?? [];
  if (/^(?:who|whom|whose|which|where|when|how|why|what)$/u.test(word))
    return !new RegExp(`\\S ${word}\\b`, 'iu').test(before);
  if (/^(?:is|are|was|were|has|have)$/u.test(word))
    return /^(?:is|are|was|were|has|have|do|does|did|can|could|should|will|would)\b/iu.test(before);
  return true;
}

const contrast =
  /,? (?:while|whereas|as opposed to|(?:as )?compared (?:to|with)|in contrast to|differently (?:than|from)|in a similar way to) (?!\w+ing\b|also\b|still\b|not\b)/iu;
const leastClauseWords = 5;

function contrasted(text: string): string[] | null {
  const [first = '', ...rest] = text.split(contrast);
  const second = rest.join(', ');
  return enough([first, second]) ? standAlone([first, second]) : null;
}

/** "Between the report on … and the report on …, was there …" */
function between(text: string): string[] | null {
  const [, one = '', other = ''] =
    /\bbetween (.+?),? and (the .+?)(?:, (?:was|is|did|does|has|were|are)\b.*)?$/iu.exec(text) ?? [];
  return enough([one, other]) ? [bare(one), bare(other)] : null;
}

/** "After … reported on …, did …" */
function introduced(text: string): string[] | null {
  const form = new RegExp(
    `^((?:after|before|given|considering|based on|following|since) .+?), ((?:${questionWord}|did|does|do|was|were|is|are|has|have) .+)$`,
    'iu',
  );
  const [, first = '', second = ''] = form.exec(text) ?? [];
  return enough([first, second]) ? [first, bare(second)] : null;
}

const leastDescribed = 25;

/** What a long question says of the thing that it asks for, clause by clause, each with the thing. */
function described(text: string): string[] | null {
  const [head] = /^(?:which|what|who)\b(?: (?:is|are|was|were) (?:the )?\w+| \w+)/iu.exec(text) ?? [];
  if (!head || countWords(text) < leastDescribed) return null;
  const clauses: string[] = [];
  for (const piece of bare(text).split(
    /[,;] (?:and |but |while )?| (?:and|but) (?=(?:is|was|has|had|who|which|that|also|to|for)\b)/iu,
  )) {
    const last = clauses.at(-1);
    if (last !== undefined && (countWords(piece) < leastClauseWords || countWords(last) < leastClauseWords))
      clauses[clauses.length - 1] = `${last}, ${piece}`;
    else clauses.push(piece);
  }
  if (!enough(clauses)) return null;
  return clauses.map((clause, n) => (n === 0 ? clause : `${head} ${clause}`));
}

function enough(parts: readonly string[]): boolean {
  return parts.length > 1 && parts.every((part) => countWords(part) >= leastClauseWords);
}
