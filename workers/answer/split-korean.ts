import { mostParts, standAlone } from './stand-alone.ts';

const asking = /무엇|뭐|언제|어디|누구|누가|며칠|몇|얼마|어떻게|어떤|어느|왜/u;
/** Where a question ends and the next one goes on: "…무엇이고 …", "…언제이며 …". */
const joint = /(?<=(?:이고|이며|하고|하며|되고|되며|있고|있으며|인지))[,、]?\s+(?:그리고\s+|또한?\s+)?/gu;
const difference =
  /^(.+?)(와|과|이랑|랑|하고)\s+(.+?)(?:의|은|는|이|가|을|를)?\s*(?:사이의|간의?)?\s*(?:차이|다른 ?점|공통점|비교)(?:점)?(?:은|는|이|가|을|를|해)?\s*(?:무엇|뭐|뭔|어떻|설명|알려|말해|주|줘|있|[?.]|$)/u;
const choice =
  /^(.+?)(와|과|이랑|랑|하고)\s+(.+?)\s+(?:중|가운데)(?:에서?)?\s+((?:어느|어떤|무엇|누가|누구|뭐|더).*)$/u;
const each = /^(.+?)(?:은|는)\s+각각\s+(.+)$/u;
/** Nouns that end like a particle after a consonant. */
const nouns = /(?:결과|성과|학과|통과|경과|안과|전과|부과|목과|약과|실과|문과|본과|합격과|급과)$/u;

/** The parts of a Korean question; null where it is one. */
export function splitKorean(text: string): string[] | null {
  if (!/\p{Script=Hangul}/u.test(text)) return null;
  return compared(text) ?? forEach(text) ?? joined(text);
}

function compared(text: string): string[] | null {
  const [, left = '', particle = '', right = ''] = difference.exec(text) ?? choice.exec(text) ?? [];
  if (left === '' || !isParticle(left, particle) || left.split(' ').length > 6) return null;
  const rest = choice.exec(text)?.[4];
  if (rest !== undefined && !difference.test(text)) return [`${left} ${rest}`, `${right} ${rest}`];
  const [side = right, ...aspect] = right.split(/의\s+/u);
  if (aspect.length > 0) return [`${left} ${aspect.join(' ')}`, `${side} ${aspect.join(' ')}`];
  const [first, ...head] = right.split(' ');
  // "2024년과 2025년 규정": the head stands with the last one only.
  const shared = /^\d+\S?$/u.test(left) && /^\d/u.test(first ?? '') && head.length > 0;
  return [shared ? `${left} ${head.join(' ')}` : left, right];
}

function forEach(text: string): string[] | null {
  const [, list = '', asked = ''] = each.exec(text) ?? [];
  const [items, aspect] = itemsOf(list);
  return items.length < 2 ? null : items.map((item) => [item, aspect, asked].filter(Boolean).join(' '));
}

/** "연차와 병가의 기한": the things, and what is asked of each. */
function itemsOf(list: string): [items: string[], aspect: string] {
  const [things = '', ...aspect] = list.split(/의\s+/u);
  const items: string[] = [];
  let open = '';
  for (const piece of things.split(/(?<=[,、])\s*|(?<=\S(?:와|과|랑|하고|및))\s+|\s+(?=및\s)/u)) {
    const bare = piece.replace(/^및\s+/u, '').replace(/[,、]\s*$/u, '');
    const [, word = bare, particle] = /^(.+?)(와|과|이랑|랑|하고)$/u.exec(bare) ?? [];
    const ends = bare !== piece || (particle !== undefined && isParticle(word, particle));
    open = `${open} ${ends ? (particle && isParticle(word, particle) ? word : bare) : bare}`.trim();
    if (!ends) continue;
    items.push(open);
    open = '';
  }
  return [[...items, open].filter((item) => item !== ''), aspect.join(' ')];
}

function joined(text: string): string[] | null {
  const pieces: string[] = [];
  let from = 0;
  for (const { index, 0: gap } of text.matchAll(joint)) {
    // More parts than a plan has stay in its last one.
    if (pieces.length === mostParts - 1) break;
    const [before, after] = [text.slice(from, index), text.slice(index + gap.length)];
    if (!asking.test(before) || !asking.test(after)) continue;
    pieces.push(before);
    from = index + gap.length;
  }
  return pieces.length === 0 ? null : standAlone([...pieces, text.slice(from)]);
}

/** 과 follows a consonant and 와 a vowel: otherwise, and in some nouns, it is part of the word. */
function isParticle(word: string, particle: string): boolean {
  const last = word.codePointAt(word.length - 1) ?? 0;
  if (particle === '하고' || last < 0xac00 || last > 0xd7a3) return word !== '';
  const closed = (last - 0xac00) % 28 !== 0;
  if (nouns.test(word + particle)) return false;
  return particle === '과' || particle === '이랑' ? closed : !closed;
}
