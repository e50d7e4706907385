import { RE2JS } from 're2js';
import { analyze } from '../retrieval/analyze.ts';

/** What says by itself that a text belongs to a node. */
export interface Rule {
  kind: 'keyword' | 'pattern';
  /** A keyword or phrase, compared by its index words (so Korean particles and English endings do not matter); or an RE2 pattern. */
  value: string;
  /** Probability that a text in which it is found belongs there, where nothing else is known; below 1. */
  confidence: number;
}

export interface RuleMatch {
  node: string;
  rule: Rule;
}

/** Finds the rules that hold for a text. */
export type Rules = (text: string) => RuleMatch[];

/** Longer texts are looked at only so far: a rule is about what a document begins with saying. */
const charactersRead = 200_000;

/** Throws with RE2's own words where a pattern is none. RE2 (linear in the text whatever the pattern) knows no back references. */
export function compilePattern(pattern: string): RE2JS {
  return RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
}

export function compileRules(rules: readonly { node: string; rule: Rule }[]): Rules {
  const tests = rules.map(({ node, rule }) => ({ node, rule, holds: testOf(rule) }));
  return (text) => {
    if (tests.length === 0) return [];
    const read = text.slice(0, charactersRead);
    const words = ` ${analyze(read).words.join(' ')} `;
    return tests.filter(({ holds }) => holds(read, words)).map(({ node, rule }) => ({ node, rule }));
  };
}

function testOf(rule: Rule): (text: string, words: string) => boolean {
  if (rule.kind === 'pattern') {
    const pattern = compilePattern(rule.value);
    return (text) => pattern.matcher(text).find();
  }
  const words = analyze(rule.value).words;
  if (words.length === 0) return (text) => text.toLowerCase().includes(rule.value.toLowerCase());
  const phrase = /\p{Script=Hangul}/u.test(rule.value) ? syllableGroups(words) : [words.join(' ')];
  return (_, all) => phrase.every((part) => all.includes(` ${part} `));
}

/** Of Hangul each word and bigram must be there, in any order: compounds are written with and without spaces. */
function syllableGroups(words: readonly string[]): string[] {
  const groups = [...new Set(words)].filter((word) => word.length > 1);
  return groups.length > 0 ? groups : [...words];
}

/**
 * What a rule adds to a class' log odds, so that where all classes were equally likely it would have the rule's confidence: rule
 * and learned probability are taken for independent witnesses (naive Bayes).
 */
export function ruleEvidence(confidence: number, classes: number): number {
  const held = Math.min(0.999, Math.max(confidence, 0.001));
  return Math.log(held / (1 - held)) + Math.log(Math.max(classes - 1, 1));
}
