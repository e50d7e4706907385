import type { Passage } from '../../src/retrieval/passage.ts';
import type { Language } from '../../src/text/language.ts';
import { answerThreshold } from './answer-threshold.ts';
import { citeDraft } from './cite.ts';
import type { Cited } from './cited.ts';
import type { Composed } from './compose.ts';
import { type Judged, type Judgement, judge, mostConfident } from './confidence.ts';
import { skippedStep } from './steps.ts';
import { findSuspicions } from './suspicion.ts';

/** The answer where the question was nothing but a call of a tool of our own: what that said, to the letter. */
export function composeFromTool(passage: Passage): Composed {
  const started = performance.now();
  const { end, start, text } = passage;
  const cited = citeDraft({ mode: 'answer', sentences: [{ passage: 0, start, end, text }] }, [passage]);
  const ms = Math.round((performance.now() - started) * 10) / 10;
  return {
    ...{ cited, model: 'tool', degraded: null, degradedCodes: [], calls: [], suspects: [], generationMs: 0 },
    steps: [skippedStep('compose', 'What the tool said is the answer.'), { name: 'cite', ms, outcome: 'ok' }],
  };
}

/**
 * The judgement of an answer that may cite tools. What retrieval knows says nothing of them: an answer is as sure as the quotes
 * of tools carry the sentences that cite them, times the share of its sentences that have a citation, or as what it takes from
 * documents makes it, whichever is more. What speaks to language models counts for nothing.
 */
export function judgeSources(judged: Judged): Judgement {
  const { cited, language, threshold = answerThreshold } = judged;
  const tools = cited?.sources.filter(({ passage }) => passage.tool) ?? [];
  if (!cited || tools.length === 0) return judge(judged);
  const documents = cited.sources.filter(({ passage }) => !passage.tool);
  const rest: Cited | null = documents.length > 0 ? { ...cited, sources: documents } : null;
  const without = judge({ ...judged, cited: rest });
  const honest = tools.filter(({ passage }) => findSuspicions(passage.text).length === 0);
  const carried = honest.length === 0 ? 0 : Math.min(...honest.map(({ support }) => support));
  const ofTools = Math.round(Math.min(mostConfident, carried * cited.citationCoverage) * 1000) / 1000;
  const confidence = Math.max(ofTools, without.confidence);
  return {
    abstain: confidence < threshold,
    confidence,
    conflicts: without.conflicts,
    reasons: [...honest.map(({ passage }) => reason(passage, language)), ...(rest ? without.reasons : [])],
  };
}

function reason({ tool, title }: Passage, language: Language): string {
  const name = tool?.name ?? title;
  return language === 'ko'
    ? `도구 ${name}의 결과가 답을 뒷받침합니다.`
    : `What the tool ${name} said carries the answer.`;
}
