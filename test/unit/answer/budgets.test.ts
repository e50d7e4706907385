import { expect, it } from 'vitest';
import { planBudgets } from '../../../workers/answer/budgets.ts';

const settings = { STEP_BUDGETS: 'retrieve=600,compose=2200', COMPOSE_BUDGET_MS: undefined };

function plan(msLeft: number, more: object = {}) {
  let at = 5000;
  const budgets = planBudgets({ ...settings, ...more }, msLeft, () => at);
  return {
    budgets,
    pass: (ms: number) => {
      at += ms;
    },
  };
}

it('gives each step its time, and the model one of its own where that is set', () => {
  const { budgets } = plan(60_000);
  expect([budgets.of('retrieve'), budgets.ofModel(), budgets.wholeMs]).toEqual([
    ...[600, { ms: 2200, cutShort: false }, 4000],
  ]);
  const slow = plan(60_000, { COMPOSE_BUDGET_MS: 20_000 }).budgets;
  expect([slow.ofModel(), slow.of('compose'), slow.wholeMs]).toEqual([
    ...[{ ms: 20_000, cutShort: false }, 2200, 21_800],
  ]);
});

it('leaves the deadline what an answer from the sources needs', () => {
  const { budgets, pass } = plan(2000);
  expect(budgets.atMost(600)).toBe(600);
  pass(500);
  expect([budgets.leftMs(), budgets.ofModel()]).toEqual([1500, { ms: 1200, cutShort: true }]);
  pass(1400);
  expect([budgets.ofModel().ms, budgets.atMost(600)]).toEqual([1, 1]);
});
