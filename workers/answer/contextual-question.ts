import { analyze } from '../../src/retrieval/analyze.ts';

/** Most words that a question gets from those before it. */
const mostTerms = 8;

/**
 * The question with what it leaves to the turns before it: "And for lunch?" after "What is the daily allowance for meals?"
 * becomes "And for lunch? (daily allowance meals)". Rules of Korean and English say whether it leaves anything: words that
 * stand for something said before, beginnings that go on from it, and questions without a word of their own. Null when the
 * question stands for itself. `before` are the questions of the conversation, oldest first.
 */
export function contextualQuestion(question: string, before: readonly string[]): string | null {
  const asked = [...before, question];
  let understood = asked[0] as string;
  let added: string[] = [];
  for (const next of asked.slice(1)) {
    added = leavesSomething(next) ? termsBeyond(next, understood) : [];
    understood = added.length === 0 ? next : `${next} (${added.join(' ')})`;
  }
  return added.length === 0 ? null : understood;
}

/** Words that point back, wherever they stand. */
const pointing = [
  /\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers)\b/iu,
  /\b(?:this|these|those|the (?:same|former|latter|others?|rest))\b/iu,
  /\bthat\b(?=\s*(?:[?.!,]|$|one\b|case\b|is\b|are\b|was\b|does\b|did\b|can\b|will\b|would\b|mean\b|apply\b|work\b))/iu,
  /\b(?:of|for|about|in|with|on|to|from|like|after|before|do|does) that\b/iu,
  /\b(?:are|get|go|is|was|were|work|happens?|from|apply) there\b(?! (?:any|a|an)\b)/iu,
  /(?:^|\s)(?:그|이|저)(?:것|거|건|게|걸|곳|때|분|들|경우|쪽|중)?(?:들)?(?:은|는|이|가|을|를|에|의|도|로|에서|에는|에도|엔|만|까지|부터)?(?=\s|[?.!,]|$)/u,
  /(?:^|\s)(?:거기|여기|저기|그녀|해당|방금|위의|앞의|앞서|전자|후자|나머지|마찬가지)/u,
];

/** Beginnings that go on from what was said. */
const goingOn = [
  /^(?:and|but|or|so|then|also|what about|how about|what if|in that case|if so|if not)\b/iu,
  /^(?:그럼|그러면|그렇다면|그리고|그런데|그래서|하지만|만약 그|또는|또한|혹시 그)/u,
];

function leavesSomething(question: string): boolean {
  const text = question.trim();
  if ([...pointing, ...goingOn].some((cue) => cue.test(text))) return true;
  return termsOf(text).size === 0 || isFragment(text);
}

const englishVerb =
  /\b(?:is|are|was|were|am|be|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had|who|what|when|where|why|which|how|tell|give|list|name|explain|describe|show|compare|summari[sz]e|find|define)\b/iu;
const koreanEnd =
  /(?:까|나요|가요|어요|아요|해요|예요|에요|니까|습니다|는가|은가|인가|하나|되나|있나|니|냐|죠|지요|려면|주세요|하라|해줘|알려줘)[?.!]*$/u;
/** "휴가는요?", "야간 근무도?": a topic and nothing said of it. */
const koreanTopic = /(?:은|는|도|의 경우|에는|에서는|에게는)(?:요)?\??$/u;
const fragmentWords = 4;

/** Without a verb, and short: what it is about was said before. */
function isFragment(text: string): boolean {
  const words = text.split(/\s+/);
  if (words.length > fragmentWords) return false;
  if (/\p{Script=Hangul}/u.test(text)) return koreanTopic.test(text) || !koreanEnd.test(text);
  return !englishVerb.test(text);
}

const wordPattern = /[\p{L}\p{M}\p{N}]+(?:[-._'’][\p{L}\p{M}\p{N}]+)*/gu;

/** What asks rather than names, in Korean. */
const asking =
  /^(?:무엇|뭐|뭔|무슨|누구|누가|언제|어디|어느|어떤|어떻게|어떠|왜|몇|얼마|며칠|있|없|되|하|할|해야|수|것|경우|때|그|이|저|알려|말해|설명|그럼|그러면|그렇다면|그리고|그런데)(?:[은는이가을를에의도로와과]|에서|에게|까지|부터|입니까|인가요|예요|이에요|나요|습니까|습니다|되나요|하나요|지요|죠|줘|주세요|가요)*$/u;

/** The same in English, beside its stop words. */
const askingInEnglish = /^(?:since|else|many|much|often|long|exactly|really)$/iu;

/** Words that name something: their index word → as they are written. */
function termsOf(question: string): Map<string, string> {
  const terms = new Map<string, string>();
  for (const [word] of question.matchAll(wordPattern)) {
    const [index] = analyze(word).words;
    if (index === undefined || asking.test(word) || askingInEnglish.test(word)) continue;
    if (!terms.has(index)) terms.set(index, word);
  }
  return terms;
}

/** What `earlier` names and `question` does not, in its order; of many the first. */
function termsBeyond(question: string, earlier: string): string[] {
  const own = termsOf(question);
  return [...termsOf(earlier)]
    .filter(([index]) => !own.has(index))
    .map(([, word]) => word)
    .slice(0, mostTerms);
}
