import type { Passage } from '../../src/retrieval/passage.ts';
import type { Intent } from './intent.ts';
import {
  type Delimiting,
  dataRule,
  languageName,
  type Note,
  type Prompt,
  suspectRule,
  writeMaterial,
  writePrompt,
} from './prompt.ts';

export const agents = ['affirmative', 'critical'] as const;
export type Agent = (typeof agents)[number];

/** Most that each may write, tokens: asked for by the model's own parameter. */
export const mostTokens: Readonly<Record<Agent | 'synthesis', number>> = {
  affirmative: 500,
  critical: 500,
  synthesis: 800,
};

const roles: Readonly<Record<Agent, string>> = {
  affirmative:
    'Argue for the best answer that the sources carry: what they state on the question, with numbers, dates and names as they have them. Where they carry none, say so.',
  critical:
    'Look for what is wrong with the answers that one might give: what the sources do not carry, where they contradict each other or are out of date, which conditions and exceptions would be forgotten, and whether they answer the question at all. Where there is nothing wrong, say so.',
};

export interface Debating {
  question: string;
  intent: Intent;
  passages: readonly Passage[];
  delimiting: Omit<Delimiting, 'notes'>;
}

/** The request to an agent; with notes it is the second round. */
export function writeAgentPrompt(agent: Agent, debating: Debating, notes: readonly Note[] = []): Prompt {
  const { question, intent, passages, delimiting } = debating;
  const task =
    notes.length === 0
      ? `Write your note as the ${agent} examiner, in ${languageName(intent)}.`
      : `Answer the other examiner's note as the ${agent} one, in ${languageName(intent)}: withdraw what the sources do not carry, keep what they do, and end with what you stand by.`;
  return {
    system: writeSystem(agent, debating, notes.length > 0),
    prompt: [...writeMaterial(question, passages, { ...delimiting, notes }), task].join('\n\n'),
  };
}

/** The request for the answer: that for a single one, with the notes of both. */
export function writeSynthesisPrompt(
  { question, intent, passages, delimiting }: Debating,
  notes: readonly Note[],
): Prompt {
  return writePrompt(question, intent, passages, { ...delimiting, notes });
}

function writeSystem(agent: Agent, { delimiting }: Debating, noted: boolean): string {
  const { boundary, suspects } = delimiting;
  return [
    'You are one of two examiners who look at what sources say on a question, before somebody else writes the answer. Use nothing that the sources do not say.',
    roles[agent],
    dataRule(noted ? 'Sources, question and notes' : 'Sources and question', boundary),
    ...(suspects && suspects.size > 0 ? [suspectRule] : []),
    'After every sentence put the number of the source that it rests on in square brackets, like [1] or [1][3].',
    'Write at most eight short sentences. You have no tools. Write no link, address or image that does not stand in the sources.',
  ].join('\n');
}
