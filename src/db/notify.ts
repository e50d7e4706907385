/** Where changes of answers are told. */
export const answersChannel = 'answers';
const endedMark = ' ended';

/** SQL that tells, with its transaction's commit, that something was told of the answer `id`, or that it has ended. */
export function notifyAnswer(id: string, ended: boolean): string {
  return `pg_notify('${answersChannel}', ${id}::text${ended ? ` || '${endedMark}'` : ''})`;
}

export function readNotice(payload: string): { id: string; ended: boolean } {
  const ended = payload.endsWith(endedMark);
  return { id: ended ? payload.slice(0, -endedMark.length) : payload, ended };
}
