import type { AnswerType } from './intent.ts';

const months =
  'january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec';

/** What a sentence that can answer such a question looks like; types without a reliable look are left out. */
const cues: Partial<Record<AnswerType, RegExp>> = {
  date: new RegExp(
    `\\d{2,4}년|\\d{1,2}월|\\d{1,2}일|세기|\\b(?:1[0-9]|20)\\d\\d\\b|\\d{1,4}[-/.]\\d{1,2}[-/.]\\d{1,4}|\\b(?:${months})\\b|요일|\\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\\b|\\d{1,2}:\\d{2}|\\d\\s?시\\b`,
    'iu',
  ),
  number:
    /\p{N}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|million|billion|half|percent)\b|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|수십|수백)\s?(?:명|개|번|차례|곳|가지|달|살|배|시간)/iu,
  reason:
    /때문|이유|원인|위해|위하여|따라|으로 인해|로 인한|덕분|탓|계기|하여|해서|므로|니까|\b(?:because|due to|since|as a result|owing to|caused by|in order to|so that|therefore|leads? to|led to)\b/iu,
  person:
    /\p{Lu}[\p{Ll}'’-]+ (?:\p{Lu}\.? )?\p{Lu}[\p{Ll}'’-]+|[가-힣]{2,4}(?:은|는|이|가|을|를|의|에게|에|와|과)(?:\s|$)|[가-힣]{2,4} ?(?:씨|님|대표|사장|회장|교수|의원|대통령|감독|선수|박사|장관|팀장|부장)/u,
};

/** Whether a sentence holds what a question of this type asks for; null when the type has no look to go by. */
export function fitsAnswerType(type: AnswerType, sentence: string): boolean | null {
  const cue = cues[type];
  return cue ? cue.test(sentence) : null;
}

/** A sentence that points back: without the one before it the reader can't tell who or what it speaks of. */
const backReference =
  /^(?:["'“‘(]\s*)?(?:(?:그|그녀|그들|이들|이|이것|그것|저것|여기|거기|이곳|그곳|이때|그때)(?:은|는|이|가|을|를|의|에|에서|와|과|도|로)?\s|이(?:는|를|에|로|러한|런|와)\s|(?:he|she|it|they|this|that|these|those|his|her|its|their|such)\b)/iu;

export function pointsBack(sentence: string): boolean {
  return backReference.test(sentence);
}
