import { type Emit, emitWord } from './normalise.ts';

const suffixes = (list: string) => new Set(list.trim().split(/\s+/));

/** Particles (josa) and forms of the copula that are written together with the noun before them. */
const particles = suffixes(`
  은 는 이 가 을 를 의 에 에서 에게 에게서 한테 한테서 께 께서 께서는 으로 로 으로서 로서 으로써 로써 으로부터 로부터 와 과 랑 이랑 하고
  도 만 까지 부터 마다 조차 마저 밖에 뿐 처럼 같이 보다 만큼 이나 나 이라도 라도 이란 란 이라는 라는 이라고 라고 이며 며 이고 에는 에도
  에만 에서는 에서도 에서의 에의 으로는 로는 으로도 로도 와의 과의 와는 과는 까지의 까지는 부터는 들은 들이 들을 들의 들에게 들과 들도
  에게는 에게도 만을 만의 만이 이라 인 이다 입니다 이었다 였다 인가 인지 이었던 였던 일까 인가요 이라면 라면 이자 임 적인 적으로 적 이든
  든지 대로 에다 에다가 치고 커녕 은커녕`);

/** Endings of 하다, 되다, 받다, 당하다, 시키다 after a noun, and plain verb endings long enough to be told from nouns. */
const endings = suffixes(`
  하다 한다 했다 하는 하여 해서 하고 하기 하면 하며 하던 했던 할 한 함 하게 하도록 하지 하였다 하였던 하였고 했으며 했고 했는데 하였으며
  했을 해야 합니다 했습니다 하세요 해요 하지만 하려면 하려고 하기도 하거나 했지만 하면서 하자 한다고 했다고 한다는 했다는 하였는데 하기로
  하나요 할까요 하는가 했는가 했나 할지 하는지 했는지 하십시오 해주세요
  되다 된다 됐다 되었다 되는 된 되어 돼서 되고 되기 되면 되며 되던 되었던 될 됨 되게 되도록 되지 되었고 됐으며 되었으며 됩니다 되었습니다
  됐습니다 되자 되면서 되거나 됐던 됐고 되나요 되는가 되었는가 되는지
  시키다 시킨 시키는 시켰다 시켜 시키고 시키기 시킬 당한 당했다 당하고 당하는 받은 받는 받았다
  습니다 었습니다 았습니다 였습니다 었다 았다 었던 았던 으며 었으며 았으며 었고 았고 는가 은가 었는가 았는가 었나 았나 나요 까요 을까 네요
  지요 으면 면서 으면서 는데 었는데 았는데 으려고 려고 려면 으려면 도록 거나 기도 기는 기를 기에 는지 은지 을지`);

const shortestStem = 2;
/** Particles by the end of the word before them: after a consonant, and after a vowel (로 also after ㄹ). */
const afterConsonant = '은을이과으';
const afterVowel = '는를가와로';
const finalR = 8;
/** A word outweighs its fragments: each of its two forms counts twice beside the bigrams, which count once. */
const formFrequency = 2;

/**
 * Index words of a run of composed Hangul: the eojeol without its particle (번역을 → 번역), the same without a verb ending
 * (번역했다 → 번역), and the character bigrams of the former, so that compounds are found by their parts (기계번역 ∋ 번역) and
 * wrong cuts do no harm. A word of one syllable is an index word beside its particle (물을 → 물을, 물): it may be no particle.
 * `before` is what the run is written together with: digits make a unit with it (`2월`, `15일`). `hear` gets each form.
 */
export function emitKorean(run: string, before: string, emit: Emit, hear: Emit): void {
  const afterDigits = isDigits.test(before);
  const word = cut(run, particles, afterDigits ? 1 : shortestStem);
  if (afterDigits) emitWord(emit, before + (word.length <= 2 ? word : word.slice(0, 1)), 0, word.length);
  // React를: what is written together with another script may be all particle.
  if (before !== '' && particles.has(run)) return;
  const root = cut(run, endings, shortestStem);
  const forms = root === run ? [word, word] : [word, root];
  for (const form of forms) for (let i = 0; i < formFrequency; i++) emitWord(emit, form, 0, form.length);
  for (const form of new Set(forms)) hear(form, 0, form.length);
  if (!afterDigits && isSyllable(run)) emit(run.slice(0, 1), 0, 1);
  for (let i = 0; i + 1 < word.length; i++) emit(word.slice(i, i + 2), i, i + 2);
}

const isDigits = /^\d+$/;
const longestSuffix = 5;

/** The run without the longest of the suffixes it ends with that leaves `shortest` syllables. */
function cut(run: string, suffixes: ReadonlySet<string>, shortest: number): string {
  for (let length = Math.min(longestSuffix, run.length - shortest); length > 0; length--) {
    if (suffixes.has(run.slice(-length))) return run.slice(0, -length);
  }
  return run;
}

/** Whether the run is one syllable with a particle that can follow it. */
function isSyllable(run: string): boolean {
  if (run.length < 2 || !particles.has(run.slice(1))) return false;
  const final = (run.charCodeAt(0) - 0xac00) % 28;
  const particle = run.charAt(1);
  if (particle === '로' && final === finalR) return true;
  return !(final === 0 ? afterConsonant : afterVowel).includes(particle);
}

/** Index words of Han and Kana, which are written without spaces: character bigrams, or the one character. */
export function emitBigrams(run: string, emit: Emit): void {
  // By characters, not code units: half of a surrogate pair is no text, and Postgres takes every half for the same one.
  const ends: number[] = [];
  let at = 0;
  for (const character of run) {
    at += character.length;
    ends.push(at);
  }
  if (ends.length === 1) emit(run, 0, run.length);
  for (let i = 0; i + 1 < ends.length; i++) {
    const start = ends[i - 1] ?? 0;
    const end = ends[i + 1] as number;
    emit(run.slice(start, end), start, end);
  }
}
