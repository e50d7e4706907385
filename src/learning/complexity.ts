import { detectLanguage } from '../text/language.ts';

export type Complexity = 0 | 1 | 2;

/** Words from which a question is of medium length, and long; Korean joins to one word what English says with two. */
const lengths = { ko: { medium: 8, long: 13 }, en: { medium: 11, long: 16 } } as const;

/** What no passage says word for word: it has to be worked out of several. */
const analysis =
  /분석|예측|전망|평가(?:해|하)|추론|영향을 (?:미|끼|주)|시사점|종합(?:해|하)|\b(?:analy[sz]e|analysis|predict|forecast|evaluate|assess|infer|implications?|to what extent|step by step)\b/iu;

/** Two or more things beside each other. */
const several =
  /비교|차이|다른 ?점|공통점|각각|둘 ?다|뿐만 아니라|그리고|또한|\b(?:compar(?:e|ed|es|ing|ison)|differ(?:s|ence|ences|ent)?|versus|vs|both|respectively|as well as|whereas|either|neither|between)\b/iu;

/** Where a clause ends and another one begins. */
const clauses =
  /[,;?？]\s+\S|\s(?:and|but|while|after|before|because|when|which|who)\s|(?:하고|하며|인데|는데|지만|면서|때문에|후에)\s/giu;

/**
 * How much a question asks for, by rules, Korean and English: 0 one plain thing, 1 a comparison, several clauses or a question
 * of some length, 2 one that has to be worked out, is long, or is several questions.
 */
export function complexityOf(question: string): Complexity {
  const text = question.trim();
  const length = lengths[detectLanguage(text) === 'ko' ? 'ko' : 'en'];
  const words = text.split(/\s+/u).length;
  const joints = [...text.matchAll(clauses)].length;
  const questions = text.match(/[?？]/gu)?.length ?? 0;
  if (analysis.test(text) || words >= length.long || questions > 1) return 2;
  if (several.test(text) || joints > 1 || words >= length.medium) return 1;
  return 0;
}
