import { createHash, randomUUID } from 'node:crypto';
import type { ClassifiedDocument } from '../../src/classify/classification.ts';
import { accuracyOf, crossCheck, type ModelCheck } from '../../src/classify/cross-check.ts';
import { findCheck, readModelRecord } from '../../src/db/classify-checks.ts';
import { callModel } from '../answer/call-model.ts';
import { overBudget } from '../answer/degrade.ts';
import { ledgerOf } from '../answer/model-ledger.ts';
import { markOf, pickBoundary } from '../answer/prompt.ts';
import { drawFrom, newSeed } from '../answer/seed.ts';
import type { Context } from '../context.ts';
import type { Llm } from '../llm/llm.ts';
import { choiceSchema, type Option, readChoice, writeCheckPrompt } from './check-prompt.ts';

const longestText = 4000;
const maxOutputTokens = 200;

/**
 * What words and meaning say of a document, held against a language model where there is one and they are unsure. Whatever the
 * model does, what they say stands, and the reasons tell.
 */
export async function checkByModel(
  documentId: string,
  found: ClassifiedDocument,
  context: Context,
): Promise<ClassifiedDocument & { check?: ModelCheck }> {
  const { config, db, llm } = context;
  if (!llm || found.confidence >= config.CLASSIFY_ASK_BELOW || found.candidates.length < 2) return found;
  const before = await findCheck(db, documentId);
  if (!before) return found;
  const text = found.text.slice(0, longestText);
  // In an order of their own: the likeliest first would be a hint, and another order another question.
  const options = found.candidates
    .map((one) => ({
      ...one,
      description: found.lesson.nodes.find(({ id }) => id === one.node_id)?.description ?? '',
    }))
    .sort((a, b) => (a.node_id < b.node_id ? -1 : 1));
  const asked = digestOf(llm.model, text, options);
  const answer =
    before.check?.asked === asked
      ? before.check
      : await ask(llm, { text, options, asked, apiKeyId: before.apiKeyId, context });
  if ('unheard' in answer)
    return {
      ...found,
      reasoning: [...found.reasoning, `The language model was not heard: ${answer.unheard}`],
    };
  const accuracy = accuracyOf(await readModelRecord(db, answer.model));
  const view = { threshold: config.CLASSIFY_THRESHOLD, chance: 1 / found.lesson.nodes.length };
  return { ...crossCheck(found, { check: answer, accuracy }, view), check: answer };
}

interface Asking {
  text: string;
  options: readonly Option[];
  asked: string;
  apiKeyId: string;
  context: Context;
}

async function ask(
  llm: Llm,
  { text, options, asked, apiKeyId, context }: Asking,
): Promise<ModelCheck | { unheard: string }> {
  const { config, signal } = context;
  const material = [text, ...options.map((one) => JSON.stringify(one))].join('\n');
  const boundary = pickBoundary(material, [], drawFrom(newSeed()));
  const ledger = ledgerOf({ id: null, token: randomUUID(), api_key_id: apiKeyId }, context);
  const budgetMs = config.CLASSIFY_ASK_MS;
  const called = await callModel(llm, writeCheckPrompt(text, options, boundary), {
    ...{ ledger, maxOutputTokens, budgetMs, firstTextMs: budgetMs, signal },
    ...{ cutShort: false, schema: choiceSchema, onText: () => undefined },
  });
  if ('refused' in called) return { unheard: overBudget(called.refused).reason };
  if ('fault' in called) return { unheard: called.fault.message };
  const read = readChoice(called.reply.text, options, markOf(boundary));
  if ('unusable' in read) return { unheard: `${read.unusable}.` };
  return { model: llm.model, asked, node_id: read.nodeId, reason: read.reason };
}

function digestOf(model: string, text: string, options: readonly Option[]): string {
  const shown = options.map(({ node_id, canonical_path, description }) => [
    node_id,
    canonical_path,
    description,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([model, text, shown]))
    .digest('hex');
}
