import type { Passage } from '../../src/retrieval/passage.ts';
import { unseen } from './datamark.ts';

/** What a text can do that is meant for a language model rather than for its readers. */
export const suspicions = [
  'override',
  'role',
  'markup',
  'prompt_theft',
  'exfiltration',
  'tool_call',
  'dictated_answer',
  'secrecy',
  'hidden',
] as const;
export type Suspicion = (typeof suspicions)[number];

const earlier =
  '(?:previous|prior|earlier|above|preceding|foregoing|other|existing|original|system|former|these|those|your|all|any)';
const orders = '(?:instructions?|prompts?|rules?|directions?|guidelines?|commands?|directives?)';
const ordersKo = '(?:지시|지침|명령|규칙|프롬프트|설정|안내|지시문|명령어|지시사항|제한|제약)(?:들|사항|문)?';

/**
 * In words and forms, Korean and English. The texts that are asked for are about anything, instructions to people included;
 * so each form names the model's own matters (its instructions, role, prompt, tools, answer), not just an imperative.
 */
const forms: readonly [Suspicion, RegExp][] = [
  [
    'override',
    new RegExp(
      `\\b(?:ignor|disregard|forget|overrid|bypass|discard|neglect)(?:e|ing|s|es)?\\b[^.\\n]{0,40}\\b${earlier}\\b[^.\\n]{0,25}\\b${orders}\\b`,
      'iu',
    ),
  ],
  [
    'override',
    new RegExp(
      `\\b(?:new|updated|real|actual|following) (?:system )?${orders}\\s*(?::|for the (?:assistant|ai|model|llm))`,
      'iu',
    ),
  ],
  [
    'override',
    new RegExp(
      `\\b(?:do not|don't|never|stop) (?:follow|obey|comply with|adher\\w+ to)\\b[^.\\n]{0,25}\\b${earlier}\\b[^.\\n]{0,25}\\b${orders}\\b`,
      'iu',
    ),
  ],
  [
    'override',
    new RegExp(
      `(?:이전|앞의|앞선|위의?|기존|모든|지금까지의|원래|시스템|상기)[^.\\n]{0,20}${ordersKo}[^.\\n]{0,15}(?:무시|잊|따르지|취소|폐기|버리|무효|해제)`,
      'u',
    ),
  ],
  [
    'override',
    new RegExp(
      `(?:새로운|다음|아래)\\s*(?:시스템\\s*)?${ordersKo}[을를]?\\s*(?:만\\s*)?(?:따르|수행|우선|실행)`,
      'u',
    ),
  ],
  [
    'role',
    /\byou are (?:now|no longer)\b|\bfrom now on,? you\b|\b(?:act|behave|respond|answer) as (?:if you were|though you|an? (?:unrestricted|unfiltered|different|evil|jailbroken))\b|\b(?:developer|debug|god|admin|jailbreak|dan) mode\b|\bpretend (?:to be|that you are|you are)\b/iu,
  ],
  [
    'role',
    /(?:당신은|너는|넌)\s*(?:이제|지금부터|더 ?이상)|(?:개발자|관리자|디버그|탈옥)\s*모드|(?:인|된)\s*(?:것처럼|척)\s*(?:행동|답변|대답|응답)/u,
  ],
  [
    'markup',
    /<\|[\w ]{1,30}\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:start_of_turn|end_of_turn|system|assistant|human|instructions?)>|<<<\s*(?:end\s+)?(?:source|question)\b/iu,
  ],
  [
    'markup',
    /^[\s#>*_-]*(?:system|assistant|developer|human|user|시스템|어시스턴트)\s*(?:prompt|message|프롬프트|메시지)?\s*(?:\*\*)?\s*[:：]\s*\S/imu,
  ],
  [
    'prompt_theft',
    /\b(?:reveal|print|repeat|show|output|display|leak|disclose|reproduce|translate|summari[sz]e|tell)\b[^.\n]{0,40}\b(?:system|hidden|initial|secret|your|full|above|developer) (?:prompt|instructions?|message|rules|guidelines)\b|\b(?:api|secret|access) keys?\b[^.\n]{0,30}\b(?:print|reveal|output|include|send)\b|\b(?:print|reveal|output|include|send)\b[^.\n]{0,30}\b(?:api|secret|access) keys?\b/iu,
  ],
  [
    'prompt_theft',
    /(?:시스템|숨겨진|내부|초기)\s*(?:프롬프트|지시|지침|명령|메시지|설정)[^.\n]{0,20}(?:출력|공개|알려|보여|말해|반복|적어|번역|요약)|(?:API|비밀|접근)\s*키[^.\n]{0,15}(?:출력|공개|알려|보여|포함|보내|전송)/iu,
  ],
  [
    'exfiltration',
    /!\[[^\]]*\]\([^)]*(?:[?&=]|\{|%7b)[^)]*\)|\b(?:append|add|attach|encode|embed|insert|put|include|send|post|forward|upload|transmit)\b[^.\n]{0,60}\b(?:conversation|question|chat|prompt|user(?:'s)? (?:data|input|question)|history)\b[^\n]{0,60}(?:https?|url|link|address|image|endpoint|webhook|e-?mail)/iu,
  ],
  [
    'exfiltration',
    /\b(?:answer|reply|response|output)\b[^\n]{0,60}\b(?:must |should |always )?(?:include|contain|end with|begin with|add|append|link to|refer to)\b[^\n]{0,60}(?:https?:|hxxp|www\.|\b(?:url|link|image)\b)|\b(?:include|add|append|insert|render|put|display)\b[^.\n]{0,40}\b(?:link|image|url|markdown)\b[^\n]{0,60}(?:https?:|hxxp|www\.|\banswer\b|\breply\b|\bresponse\b)/iu,
  ],
  [
    'exfiltration',
    /(?:질문|대화|사용자|프롬프트|내용|답변)[^.\n]{0,40}(?:https?:|링크|URL|주소|이미지|이메일|웹훅)[^\n]{0,80}(?:붙여|덧붙|추가|포함|전송|보내|삽입|넣|첨부|표시|출력|안내하)/iu,
  ],
  [
    'exfiltration',
    /(?:링크|URL|이미지|https?:\S+)[^.\n]{0,30}(?:답변|응답|대답)[^.\n]{0,15}(?:포함|추가|넣|삽입|붙이|붙여|첨부|끝)/iu,
  ],
  [
    'tool_call',
    /\b(?:call|invoke|use|run|execute|trigger) (?:the|this|your|a) (?:tool|plugin)\b[^\n]{0,60}(?:\(|with|named|called|`|_)|\b(?:ignore|disregard|forget|skip)\b[^.\n]{0,15}\bthe (?:question|user|task|documents?|sources?)\b|<\/?(?:tool_call|function_call|function|invoke|tool_use)\b|"(?:tool_calls?|function_call|tool_name|functionCall)"\s*:/iu,
  ],
  [
    'tool_call',
    /(?:도구|함수|툴|플러그인|tool)[^.\n]{0,20}(?:호출|실행|사용)(?:하라|해라|하십시오|하시오|해 ?줘|하여[^.\n]{0,30}(?:전송|보내))/iu,
  ],
  [
    'dictated_answer',
    /\b(?:ai|llm|language models?|assistants?|chatbots?|the model)\b[^.\n]{0,50}\b(?:must|should|has to|shall|always|is (?:required|instructed) to|are (?:required|instructed) to)\b[^.\n]{0,30}\b(?:answer|reply|respond|say|write|output|state|tell|recommend|conclude|use|call)\b/iu,
  ],
  [
    'dictated_answer',
    /\b(?:answer|reply|respond|say|output|write|print)\b[^.\n]{0,25}\b(?:only|exactly|nothing (?:else )?but|just|instead|verbatim)\b[^\n]{0,10}["'“‘`:]|\b(?:instead of|rather than) (?:answering|replying|responding)\b|\b(?:when|if) (?:you are )?(?:asked|answering|summari[sz]ing)\b[^.\n]{0,50},? ?(?:always )?(?:answer|reply|respond|say|write)\b/iu,
  ],
  [
    'dictated_answer',
    /(?:AI|인공지능|언어\s?모델|어시스턴트|챗봇|모델)[은는이가]?[^.\n]{0,40}(?:답(?:변)?하(?:라|십시오|시오|세요|여야|야)|답해야|대답하(?:라|십시오|시오|세요)|출력하(?:라|십시오|시오|세요)|말하(?:라|십시오|시오|세요)|응답하(?:라|십시오|시오|세요))/iu,
  ],
  [
    'dictated_answer',
    /(?:라고만|만)\s*(?:답(?:변)?하|대답하|출력하|응답하|말하|쓰|적)(?:라|십시오|시오|세요|고)|["'”’」]\s*(?:라고|이라고|를|을)\s*(?:만\s*)?(?:답(?:변)?하|대답하|출력하|응답하)(?:라|십시오|시오|세요)|(?:답변|대답|응답)\s*(?:대신|하지\s*말고)/u,
  ],
  [
    'secrecy',
    /\b(?:do not|don't|never) (?:mention|reveal|tell|disclose|inform|show)\b[^.\n]{0,40}\b(?:this (?:instruction|message|note|text|prompt)|these (?:instructions|rules)|the user)\b/iu,
  ],
  [
    'secrecy',
    /(?:이|본)\s*(?:지시|지침|문장|메시지|내용|명령)[^.\n]{0,15}(?:언급하|밝히|알리|말하|드러내)지\s*(?:마|말|않)/u,
  ],
  ['markup', /[<＜《〈⟪«]{2,}\s*(?:end\s+)?(?:source|question)\b|[[(【]\s*(?:system|시스템)\s*[\])】]/iu],
  [
    'dictated_answer',
    /\b(?:end|begin|start|finish|prefix|close)\b[^.\n]{0,12}\b(?:every|each|your|all) (?:answers?|repl(?:y|ies)|responses?)\b[^.\n]{0,10}\bwith\b|\b(?:render|include|insert|add|append|put)\b[^.\n]{0,40}\b(?:in|to) your (?:answer|reply|response)\b|\btell the user\b|\bthe user (?:wants|asked|has asked) you\b|\bnow (?:respond|reply|output|print)\b/iu,
  ],
  ['dictated_answer', /사용자에게[^.\n]{0,40}라고\s*(?:대답|답|말|응답|안내)하/u],
  ['override', /\bforget (?:everything|all|what)\b[^.\n]{0,15}\b(?:you|told|said|above|before)\b/iu],
  ['override', /\b(?:decode|decrypt|decipher)\b[^.\n]{0,30}\b(?:obey|follow|execute)\b/iu],
];

/** Tags that spell words which nobody sees, and turns of the direction of writing. */
const hidden = /[\u{e0020}-\u{e007e}]{8}|[\u202d\u202e]/u;

/** What in a text is aimed at a language model; empty for almost every honest text. */
export function findSuspicions(text: string): Suspicion[] {
  const plain = text.replace(unseen, '').normalize('NFKC');
  const spelt = plain.replace(/\b(?:\p{L}[ .\-_*]){5,}\p{L}\b/gu, (run) => run.replace(/[ .\-_*]/g, ''));
  const found = forms.filter(([, form]) => form.test(plain) || (spelt !== plain && form.test(spelt)));
  const kinds = found.map(([suspicion]) => suspicion);
  return [...new Set(hidden.test(text) ? [...kinds, 'hidden' as const] : kinds)];
}

export interface Suspect {
  passage: Passage;
  suspicions: Suspicion[];
}

/**
 * Passages with what they are suspected of: those with anything come last, else in their order. What a document says of
 * itself (title, heading) counts as its text.
 */
export function suspectsLast(passages: readonly Passage[]): { passages: Passage[]; suspects: Suspect[] } {
  const suspects = passages.flatMap((passage) => {
    const { title, heading, context, text } = passage;
    const found = findSuspicions([title, heading, context, text].filter(Boolean).join('\n'));
    return found.length > 0 ? [{ passage, suspicions: found }] : [];
  });
  const suspected = new Set(suspects.map(({ passage }) => passage));
  const honest = passages.filter((passage) => !suspected.has(passage));
  return { passages: [...honest, ...suspected], suspects };
}
