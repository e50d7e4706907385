import { randomUUID } from 'node:crypto';
import type { Told } from './caller.ts';
import type { Content, Known, Model, Step } from './model.ts';

type Call = (method: string, path: string, json?: unknown, key?: string) => Promise<Told>;

const documents = '/api/v1/documents';

/** Carries a step out and holds the reply against the model. */
export async function perform(call: Call, model: Model, step: Step): Promise<void> {
  if (step.kind === 'put') return put(call, model, step);
  if (step.kind === 'restore') return restore(call, model, step);
  if (step.kind === 'delete') return remove(call, model, step);
  if (step.kind === 'contest') return contest(call, model, step);
  return removeMany(call, model, step);
}

function refused(model: Model, step: Step, { reply }: Told): void {
  model.wrong.push(`${JSON.stringify(step)} was refused: ${reply.status} ${reply.text.slice(0, 200)}`);
}

async function put(call: Call, model: Model, step: Extract<Step, { kind: 'put' }>): Promise<void> {
  const { name, content } = step;
  const told = await call('POST', documents, { external_id: name, title: 'Log', ...content });
  const { status, body } = told.reply;
  if (status !== 200 && status !== 202) return refused(model, step, told);
  model.written(name, content, body, status === 202 && !told.unsure);
}

async function restore(call: Call, model: Model, step: Extract<Step, { kind: 'restore' }>): Promise<void> {
  const { id, history } = model.documents.get(step.name) as Known;
  const told = await call('POST', `${documents}/${id}/versions/${step.n}/restore`);
  const { status, body } = told.reply;
  if (status !== 200 && status !== 202) return refused(model, step, told);
  model.written(step.name, history.get(step.n) as Content, body, status === 202 && !told.unsure);
}

async function remove(call: Call, model: Model, step: Extract<Step, { kind: 'delete' }>): Promise<void> {
  const { id } = model.documents.get(step.name) as Known;
  const path = step.by === 'id' ? `/${id}` : `?external_id=${step.name}`;
  const told = await call('DELETE', `${documents}${path}`);
  // One that was cut off and done meanwhile finds nothing any more.
  if (told.reply.status !== 202 && !(told.reply.status === 404 && told.unsure)) refused(model, step, told);
  model.documents.delete(step.name);
  const read = await call('GET', `${documents}/${id}`);
  if (read.reply.status !== 404) model.wrong.push(`${step.name} can be read after its delete`);
}

async function removeMany(
  call: Call,
  model: Model,
  step: Extract<Step, { kind: 'delete-many' }>,
): Promise<void> {
  const names = model.groupOf(step.group);
  const filters = { metadata: { owner: model.owner, group: step.group } };
  const told = await call('POST', `${documents}/delete`, { filters }, randomUUID());
  if (told.reply.status !== 202) return refused(model, step, told);
  for (const name of names) model.documents.delete(name);
}

/** A document that others write and delete at the same time: any of their orders is right, an error is not. */
async function contest(call: Call, model: Model, step: Extract<Step, { kind: 'contest' }>): Promise<void> {
  const { name, content } = step;
  const told = content
    ? await call('POST', documents, { external_id: name, title: 'Log', ...content })
    : await call('DELETE', `${documents}?external_id=${name}`);
  if (![200, 202, ...(content ? [] : [404])].includes(told.reply.status)) refused(model, step, told);
}
