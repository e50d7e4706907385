import { detectLanguage, type Language } from '../../src/text/language.ts';
import type { UnsupportedPolicy } from './unsupported.ts';

export const modes = ['answer', 'summary', 'keypoints'] as const;
export type Mode = (typeof modes)[number];

export const questionKinds = ['factual', 'list', 'comparison', 'procedure'] as const;
export type QuestionKind = (typeof questionKinds)[number];

export const answerTypes = ['person', 'place', 'date', 'number', 'reason', 'other'] as const;
export type AnswerType = (typeof answerTypes)[number];

/** What the question asks for, as far as rules can read it. */
export interface Intent {
  /** The answer speaks the question's language; a question in no known language is answered in English. */
  language: Language;
  mode: Mode;
  kind: QuestionKind;
  /** The answer is likely spread over several sentences or sources. */
  wantsSeveral: boolean;
  /** It compares, or joins what one source hardly says alone. */
  needsSources: boolean;
  answerType: AnswerType;
  /** What is to become of sentences that no source carries. */
  unsupported: UnsupportedPolicy;
}

const kindCues: readonly [QuestionKind, RegExp][] = [
  [
    'comparison',
    /차이|비교|다른 ?점|공통점|더 (?:크|작|많|적|좋|빠|느|높|낮)|\b(?:differ(?:s|ence|ences|ent)?|compar(?:e|ed|es|ing|ison)|versus|vs)\b/iu,
  ],
  [
    'procedure',
    /방법|절차|하려면|순서|어떻게 (?:하|해|신청|설정|설치|사용|등록|바꾸|변경)|\bhow (?:do|can|should|would) (?:I|we|you|one)\b|\bhow to\b|\b(?:steps?|procedure|instructions?)\b/iu,
  ],
  [
    'list',
    /모두|전부|목록|종류|나열|어떤 것들|무엇들|가지[를가]?(?:\s|\?|$)|\b(?:list|name (?:all|the)|which ones|what are|enumerate|examples of|kinds of|types of)\b/iu,
  ],
];

/** In order: the first that fits decides, so the specific ("how many") stands before the general ("how"). */
const typeCues: readonly [AnswerType, RegExp][] = [
  ['reason', /왜|이유|원인|까닭|때문|계기|\bwhy\b|\breasons?\b|\bcauses?\b|\bwhat caused\b/iu],
  [
    'date',
    /언제|며칠|몇 ?(?:년|월|일|시)(?!간)|날짜|연도|년도|시기|날은|기한|\bwhen\b|\b(?:what|which) (?:year|date|day|month|time)\b|\bdeadline\b|\bhow (?:recently|soon)\b/iu,
  ],
  [
    'number',
    /몇|얼마|수는|개수|비율|퍼센트|금액|가격|요금|비용|나이는|높이|길이|무게|크기|면적|인구|횟수|점수|한도|기간|\bhow (?:many|much|long|old|tall|far|big|large|often|high|fast)\b|\b(?:number|amount|price|cost|percentage|limit|rate|fee) of\b|\bwhat (?:percent|percentage|share|number)\b/iu,
  ],
  [
    'person',
    /누구|누가|사람은|인물|선수는|감독은|작가는|이름은|\bwho(?:m|se)?\b|\bwhich (?:person|man|woman)\b/iu,
  ],
  [
    'place',
    /어디|장소|위치|도시는|나라는|국가는|지역은|곳은|\bwhere\b|\b(?:what|which) (?:city|country|place|town|state|region|building|room)\b/iu,
  ],
];

/** Words of a question that takes two things together. */
const joins =
  /둘 ?다|양쪽|각각|모두에서|뿐만 아니라|한편|\b(?:both|respectively|as well as|while|whereas|each of|neither|either|consistent with|same|between)\b/iu;

/** Reads a question by rules, Korean and English. */
export function readIntent(question: string, mode: Mode, unsupported: UnsupportedPolicy = 'drop'): Intent {
  const language = detectLanguage(question);
  const kind = kindCues.find(([, cue]) => cue.test(question))?.[0] ?? 'factual';
  const answerType =
    kind === 'procedure' ? 'other' : (typeCues.find(([, cue]) => cue.test(question))?.[0] ?? 'other');
  const needsSources = kind === 'comparison' || joins.test(question);
  return {
    ...{ language, mode, kind, answerType, needsSources, unsupported },
    wantsSeveral: mode !== 'answer' || kind !== 'factual',
  };
}
