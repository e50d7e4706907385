import {
  type Action,
  actionIndex,
  actions,
  type State,
  stateAt,
  stateCount,
  stateIndex,
} from '../../src/learning/policy.ts';
import type { Sql } from './sql.ts';

/** Puts a version of the default policy in force that has seen this action be right, and every other wrong, in each state. */
export async function publishPreference(sql: Sql, action: Action): Promise<number> {
  const cells = Array.from({ length: stateCount }, (_, n) => stateAt(n)).flatMap((state) =>
    cellsOf(state, action),
  );
  const snapshot = JSON.stringify({ version: 1, policy: 'thompson', cells });
  await sql.query(`update policy_versions set live = false where policy = 'thompson'`);
  const [row] = await sql.query<{ last_version: number }>(
    'update learning_state set last_version = last_version + 1 returning last_version',
  );
  const number = row?.last_version ?? 0;
  await sql.query(
    `insert into policy_versions (number, policy, snapshot, made_by, experiences, learned, live)
     values ($1, 'thompson', $2, 'batch', 0, 0, true)`,
    [number, snapshot],
  );
  return number;
}

/** Cell, experiences, sum of rewards and of their squares in ten thousandths: what src/learning/cells.ts keeps. */
function cellsOf(state: State, good: Action): number[][] {
  const seen = 1000;
  return actions.map((action) => {
    const reward = action === good ? 1e4 : 0;
    const cell = stateIndex(state) * actions.length + actionIndex(action);
    return [cell, seen, seen * reward, seen * reward ** 2];
  });
}
