import { datamark } from './datamark.ts';
import { dataRule, markOf, type Prompt } from './prompt.ts';
import { longestSubQuestion, mostSubQuestions } from './split-question.ts';

/** A tool that a plan may call. What it says of itself is a stranger's text. */
export interface PlannableTool {
  name: string;
  description: string;
  /** JSON Schema of its arguments. */
  inputSchema: unknown;
}

/** The request for a plan. The model is shown the question and what tools there are, and nothing of the documents. */
export function writePlanPrompt(question: string, tools: readonly PlannableTool[], boundary: string): Prompt {
  const mark = markOf(boundary);
  const offered = tools.map((tool) => JSON.stringify(tool)).join('\n');
  const prompt = [
    ...(tools.length > 0
      ? [`<<<tools ${boundary}>>>\n${datamark(offered, mark)}\n<<<end tools ${boundary}>>>`]
      : []),
    `<<<question ${boundary}>>>\n${datamark(question, mark)}\n<<<end question ${boundary}>>>`,
    'Plan how the question above is to be searched for.',
  ].join('\n\n');
  return { system: writeSystem(tools.length > 0, boundary), prompt };
}

function writeSystem(hasTools: boolean, boundary: string): string {
  return [
    'You plan how a question is searched for in a collection of documents. You do not answer it.',
    dataRule(hasTools ? 'Tools and question' : 'The lines of the question', boundary),
    'Reply with JSON alone:',
    '- complexity: simple where one passage will answer it, medium where it takes a few, complex where it must be worked out of several.',
    `- sub_questions: where the question asks for several things, compares, or can only be answered from facts that stand apart, ${mostSubQuestions} at most of at most ${longestSubQuestion} characters, in the question's language, each understandable without the others, with names and dates as the question has them. Otherwise an empty list. Add nothing that the question does not ask for.`,
    ...(hasTools
      ? [
          '- tools: calls that documents can hardly replace, by the names given, arguments as a string of JSON that keeps to the schema. Mostly an empty list.',
        ]
      : []),
    '- reasoning: one short sentence.',
  ].join('\n');
}
