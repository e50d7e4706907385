import { complexityOf } from '../../src/learning/complexity.ts';
import type { Plan } from './plan.ts';
import { splitQuestion } from './split-question.ts';

export const complexities = ['simple', 'medium', 'complex'] as const;

/** A plan by rules alone, Korean and English. */
export function planByRules(question: string): Plan {
  const subQuestions = splitQuestion(question);
  const several = subQuestions.length > 0;
  const level = Math.max(complexityOf(question), several ? 1 : 0);
  return {
    complexity: complexities[level] ?? 'complex',
    strategy: several ? 'multi_step' : 'direct',
    ...{ subQuestions, tools: [], by: 'heuristic' },
    reasoning: several ? `The question has ${subQuestions.length} parts.` : 'The question is one question.',
  };
}
