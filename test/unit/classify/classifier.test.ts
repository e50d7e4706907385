import { expect, test } from 'vitest';
import { learn } from '../../../src/classify/classifier.ts';
import { decide, weighTree } from '../../../src/classify/decide.ts';
import { type Item, joinItems, toItem } from '../../../src/classify/item.ts';
import { at, coverageCurve, riskArea, thresholdFor } from '../../../src/classify/risk-coverage.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';

const subjects = {
  휴가: [
    '연차 휴가를 신청합니다',
    '육아 휴직 기간',
    '병가 서류를 제출',
    '휴가 일수가 남았다',
    '연차를 이월한다',
    '휴직 급여',
  ],
  보안: [
    '비밀번호를 바꾼다',
    '계정 잠금을 푼다',
    '방화벽 설정',
    '암호화 키를 교체',
    '비밀번호 정책',
    '보안 사고 계정',
  ],
};
const labels = Object.keys(subjects) as (keyof typeof subjects)[];
const words = (text: string) => toItem(text, null, 0);

function lesson(pool: string[] = []) {
  return {
    classes: 2,
    examples: labels.flatMap((label, of) => subjects[label].map((text) => ({ item: words(text), of }))),
    names: labels.map(words),
    pool: pool.map(words),
  };
}

test('Korean is told apart by words alone, whatever its particles', async () => {
  const { classify } = await learn(lesson());
  expect(classify(words('남은 연차휴가는 며칠인가요'))[0]).toBeGreaterThan(0.6);
  expect(classify(words('잊어버린 비밀번호와 계정'))[1]).toBeGreaterThan(0.6);
  const unknown = classify(words('점심 메뉴'));
  expect(Math.abs((unknown[0] as number) - 0.5)).toBeLessThan(0.2);
});

/** Vectors around one of two directions: what a model makes of texts that it can read. */
function pointed(random: () => number, of: number, noise: number): Item {
  const vector = Float32Array.from({ length: 16 }, (_, i) => (i === of ? 1 : 0) + noise * (random() - 0.5));
  const length = Math.hypot(...vector);
  return { vector: vector.map((x) => x / length), readable: 1, words: new Map() };
}

test('texts without a label make up for few labels', async () => {
  const random = seededRandom(3);
  const make = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ item: pointed(random, i % 2, 3), of: i % 2 }));
  const [examples, pool, judged] = [make(8), make(400), make(400)];
  const names = [words(''), words('')];
  const right = async (texts: Item[]) => {
    const { classify } = await learn({ classes: 2, examples, names, pool: texts });
    return judged.filter(({ item, of }) => (classify(item)[of] as number) > 0.5).length / judged.length;
  };
  expect(await right(pool.map(({ item }) => item))).toBeGreaterThan(await right([]));
});

test('a vector that the model could not read has no say', async () => {
  const { classify } = await learn(lesson());
  const item = words('연차 휴가');
  const unread = { ...item, vector: new Float32Array(16).fill(0.25), readable: 0 };
  expect([...classify(unread)]).toEqual([...classify(item)]);
});

test('the same lesson gives the same classifier', async () => {
  const texts = ['휴가를 신청하면 남은 연차가 준다', '방화벽과 암호화'];
  const [one, other] = [await learn(lesson(texts)), await learn(lesson(texts))];
  expect([...one.classify(words('연차 비밀번호'))]).toEqual([...other.classify(words('연차 비밀번호'))]);
});

test('a document is its chunks together', () => {
  const joined = joinItems([words('휴가 휴가'), words('휴가')]);
  const single = words('휴가').words.get('휴가') as number;
  expect(joined.words.get('휴가')).toBe(3 * single);
});

const tree = [['News', 'Sport'], ['News', 'Money'], ['Law'], ['News']].map((path) => ({ path }));

test.each([
  [[0.8, 0.1, 0.1, 0], 'News/Sport', false, false],
  [[0.5, 0.4, 0.1, 0], 'News', false, true],
  [[0.4, 0.2, 0.4, 0], 'Law', true, false],
])('%j is decided as %s', (probabilities, path, review, backedOff) => {
  const decision = decide(weighTree(tree, Float64Array.from(probabilities)), 0.7);
  expect({ ...decision, path: decision?.node.path.join('/') }).toMatchObject({ path, review, backedOff });
});

test('risk, coverage and the threshold for an accuracy', () => {
  const judged = [0.9, 0.8, 0.7, 0.6].map((confidence, i) => ({ confidence, right: i !== 2 }));
  expect(at(judged, 0.75)).toEqual({ threshold: 0.75, coverage: 0.5, accuracy: 1 });
  expect(coverageCurve(judged).at(-1)).toMatchObject({ coverage: 1, accuracy: 0.75 });
  expect(riskArea(judged)).toBeCloseTo((0 + 0 + 1 / 3 + 1 / 4) / 4);
  expect(thresholdFor(judged, 0.9)).toBeCloseTo(0.71);
  expect(thresholdFor([], 0.9)).toBe(1);
});
