import { mean } from '../src/evaluation/measures.ts';
import {
  type Bin,
  calibrationError,
  type Operating,
  reliability,
  riskCoverage,
  separation,
} from './calibration.ts';
import type { JudgedAnswer } from './judge-answer.ts';

/** Shares are of the kind of question that the name says; null where there is none of it. */
export interface AnswerScores {
  answerable: number;
  /** Of the answerable: answered; answered in at most three sentences that have the gold; the same without threshold. */
  answered: number | null;
  gold_in_three: number | null;
  gold_in_three_unheld: number | null;
  /** Of the answerable whose facts are known: a fact is quoted. */
  fact_quoted: number | null;
  /** Of those that the collection marks as without an answer, and of those whose documents were withheld. */
  null_questions: number;
  null_abstained: number | null;
  withheld_questions: number;
  withheld_abstained: number | null;
  quotes_verified: number;
  /** Of the quotes marked as verified. */
  quotes_standing: number | null;
  /** Of the answerable and null questions as the collection has them; then with the withheld; then the answered alone. */
  ece: number;
  ece_with_withheld: number;
  ece_answered: number;
  /** Area under the curve: right answers against all others. */
  auc: number;
  mean_sentences: number;
  ms_per_answer: number;
}

export interface AnswerReport extends AnswerScores {
  reliability: Bin[];
  risk_coverage: Operating[];
  by_language: Record<string, AnswerScores>;
}

export function reportAnswers(judged: readonly JudgedAnswer[]): AnswerReport {
  const languages = [...new Set(judged.map(({ language }) => language))].sort();
  return {
    ...scoresOf(judged),
    reliability: reliability(judged),
    risk_coverage: riskCoverage(judged),
    by_language: Object.fromEntries(
      languages.map((language) => [language, scoresOf(judged.filter((one) => one.language === language))]),
    ),
  };
}

function scoresOf(judged: readonly JudgedAnswer[]): AnswerScores {
  const answerable = judged.filter((one) => one.answerable);
  const withheld = judged.filter((one) => one.withheld);
  const nulls = judged.filter((one) => !one.withheld && !one.answerable);
  const asIs = judged.filter((one) => !one.withheld);
  const inThree = (one: JudgedAnswer) => one.right && one.sentences <= 3;
  const verified = judged.reduce((sum, { quotes }) => sum + quotes.verified, 0);
  const standing = judged.reduce((sum, { quotes }) => sum + quotes.standing, 0);
  return {
    answerable: answerable.length,
    answered: share(answerable, (one) => !one.abstained),
    gold_in_three: share(answerable, (one) => !one.abstained && inThree(one)),
    gold_in_three_unheld: share(answerable, inThree),
    fact_quoted: share(
      answerable.filter(({ fact }) => fact !== null),
      ({ fact }) => fact === true,
    ),
    null_questions: nulls.length,
    null_abstained: share(nulls, (one) => one.abstained),
    withheld_questions: withheld.length,
    withheld_abstained: share(withheld, (one) => one.abstained),
    quotes_verified: verified,
    quotes_standing: verified === 0 ? null : standing / verified,
    ece: calibrationError(asIs),
    ece_with_withheld: calibrationError(judged),
    ece_answered: calibrationError(asIs.filter((one) => !one.abstained)),
    auc: separation(judged),
    mean_sentences: mean(judged.map(({ sentences }) => sentences)),
    ms_per_answer: mean(judged.map(({ ms }) => ms)),
  };
}

function share(of: readonly JudgedAnswer[], is: (one: JudgedAnswer) => boolean): number | null {
  return of.length === 0 ? null : of.filter(is).length / of.length;
}

export function printAnswers(
  title: string,
  { reliability: bins, risk_coverage, by_language, ...scores }: AnswerReport,
): void {
  console.log(`\n${title}`);
  const columns = [['all', scores], ...Object.entries(by_language)] as [string, AnswerScores][];
  console.log(`${''.padEnd(24)}${columns.map(([name]) => name.padStart(10)).join('')}`);
  for (const key of Object.keys(scores) as (keyof AnswerScores)[])
    console.log(`${key.padEnd(24)}${columns.map(([, of]) => figure(of[key]).padStart(10)).join('')}`);
  console.log('\nconfidence   answers  mean confidence  right');
  for (const { from, to, answers, confidence, right } of bins)
    console.log(
      `${from.toFixed(1)} – ${to.toFixed(1)}${String(answers).padStart(11)}${figure(confidence).padStart(17)}${figure(right).padStart(7)}`,
    );
  console.log('\nthreshold  answered  of which wrong');
  for (const { threshold, coverage, risk } of risk_coverage)
    console.log(
      `${threshold.toFixed(1).padStart(9)}${figure(coverage).padStart(10)}${figure(risk).padStart(16)}`,
    );
}

function figure(value: number | null): string {
  if (value === null) return '–';
  return Number.isInteger(value) && value > 1 ? String(value) : value.toFixed(3);
}
