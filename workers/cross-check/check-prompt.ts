import { z } from 'zod';
import { datamark, unseen, withoutMarks } from '../answer/datamark.ts';
import { dataRule, markOf, type Prompt } from '../answer/prompt.ts';
import type { JsonSchema } from '../llm/llm.ts';

/** A node that a document might be at. */
export interface Option {
  node_id: string;
  canonical_path: readonly string[];
  description: string;
}

export const choiceSchema: JsonSchema = {
  type: 'object',
  properties: { choice: { type: 'integer' }, reason: { type: 'string' } },
  required: ['choice', 'reason'],
};

/** The request for a choice. Text and nodes alike are strangers' words: senders may name nodes. */
export function writeCheckPrompt(text: string, options: readonly Option[], boundary: string): Prompt {
  const mark = markOf(boundary);
  const listed = options.map(
    ({ canonical_path, description }, i) =>
      `${i + 1}. ${canonical_path.join(' / ')}${description.trim() === '' ? '' : ` — ${description.replace(/\s+/gu, ' ').slice(0, 300)}`}`,
  );
  return {
    system: [
      'You choose the category of a document.',
      dataRule('Categories and document', boundary),
      'Reply with JSON alone:',
      '- choice: the number of the one category that the document is about; 0 where none of them fits.',
      '- reason: one short sentence.',
    ].join('\n'),
    prompt: [
      `<<<categories ${boundary}>>>\n${datamark(listed.join('\n'), mark)}\n<<<end categories ${boundary}>>>`,
      `<<<document ${boundary}>>>\n${datamark(text, mark)}\n<<<end document ${boundary}>>>`,
      'Choose the category of the document above.',
    ].join('\n\n'),
  };
}

const reply = z.object({ choice: z.int().min(0), reason: z.string() });
const longestReason = 300;

/** The node chosen, null for none; or why the reply can't be used, a sentence. */
export function readChoice(
  text: string,
  options: readonly Option[],
  mark: string,
): { nodeId: string | null; reason: string } | { unusable: string } {
  let given: unknown;
  try {
    given = JSON.parse(text.trim().replace(/^```(?:json)?\s*|\s*```$/gu, ''));
  } catch {
    return { unusable: 'its reply is no JSON' };
  }
  const { data } = reply.safeParse(given);
  if (!data) return { unusable: 'its reply names no choice' };
  if (data.choice > options.length) return { unusable: 'it chose a category that does not exist' };
  const reason = withoutMarks(data.reason, mark)
    .replace(unseen, '')
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  return { nodeId: options[data.choice - 1]?.node_id ?? null, reason: reason.slice(0, longestReason) };
}
