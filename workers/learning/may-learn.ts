import type { Context } from '../context.ts';

/** Whether policies learn at all: not with experience_replay off, for whatever share of callers it would be on. */
export async function mayLearn({ flags }: Pick<Context, 'flags'>): Promise<boolean> {
  const states = await flags.list();
  return states.some(({ key, enabled }) => key === 'experience_replay' && enabled);
}
