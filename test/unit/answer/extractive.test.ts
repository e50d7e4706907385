import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import type { Passage } from '../../../src/retrieval/passage.ts';
import { composeExtractive, type Draft } from '../../../workers/answer/extractive.ts';
import { type Mode, readIntent } from '../../../workers/answer/intent.ts';
import { analysisOf, type Placed, pick, place } from './passages.ts';

function compose(question: string, placed: readonly Placed[], mode: Mode = 'answer'): Draft {
  const passages = placed.map(({ passage }) => passage);
  const analysis = analysisOf(
    question,
    passages.map(({ text }) => text),
  );
  return composeExtractive(question, readIntent(question, mode), passages, analysis);
}

function expectExact(draft: Draft, placed: readonly Placed[]): void {
  for (const { passage, start, end, text } of draft.sentences) {
    expect(placed[passage]?.version.slice(start, end)).toBe(text);
  }
}

const leave = place(
  '연차 휴가 규정\n\n연차 휴가는 입사 1년 뒤 15일이 주어진다. 휴가는 팀장이 승인한다. 사무실은 서울에 있다. 점심은 12시부터다.',
  { title: '연차 휴가 규정', documentId: 'leave', score: 0.9 },
);
const incident = place(
  'Gateway outage\n\nThe payment gateway stopped at night. It was restored on 14 March 2025 by the platform team. The cause was an expired certificate. Customers were told by mail.',
  { title: 'Gateway outage', documentId: 'incident', score: 0.8 },
);

describe('composeExtractive', () => {
  it('takes the sentence that answers, at its exact place, and never the title', () => {
    const draft = compose('입사 1년 뒤 연차 휴가는 며칠인가요?', [leave, incident]);
    expect(draft.sentences.map(({ text }) => text)).toContain('연차 휴가는 입사 1년 뒤 15일이 주어진다.');
    expect(draft.sentences.map(({ text }) => text)).not.toContain('연차 휴가 규정');
    expectExact(draft, [leave, incident]);
  });

  it('finds the sentence of the other language by the sound of its words', () => {
    const component = place('Weather is not a topic here. A component renders when its state changes.');
    const korean = place('날씨 이야기는 없다. 컴포넌트는 상태가 바뀌면 렌더링된다.');
    const sentencesOf = (draft: Draft) => draft.sentences.map(({ text }) => text);
    expect(sentencesOf(compose('컴포넌트는 언제 그려지나요?', [component]))).toContain(
      'A component renders when its state changes.',
    );
    expect(sentencesOf(compose('When is a component drawn?', [korean]))).toContain(
      '컴포넌트는 상태가 바뀌면 렌더링된다.',
    );
    expect(sentencesOf(compose('커튼은 언제 그려지나요?', [component]))).toEqual([]);
  });

  it('prefers a sentence with a date where one is asked for', () => {
    const placed = place(
      'The museum on the hill opened with long speeches. The museum on the hill opened despite heavy rain. The museum on the hill opened beside a brass band. The museum on the hill opened in May 1987.',
    );
    const texts = compose('When was the museum on the hill opened?', [placed]).sentences.map(
      ({ text }) => text,
    );
    expect(texts).toContain('The museum on the hill opened in May 1987.');
    expect(texts).toHaveLength(3);
  });

  it('brings the sentence before along when the best one points back', () => {
    const about = 'the cooling system of the north reactor hall';
    const placed = place(
      `Ada Brown joined the lab in spring. She designed ${about}. Visitors need a badge. The canteen is closed. Noise comes from ${about}. Staff avoid ${about} at night.`,
    );
    const texts = compose(`What is designed in ${about}?`, [placed]).sentences.map(({ text }) => text);
    expect(texts).toHaveLength(3);
    expect(texts.slice(0, 2)).toEqual(['Ada Brown joined the lab in spring.', `She designed ${about}.`]);
  });

  it('says a thing once, also when overlapping chunks hold it twice', () => {
    const text = 'The warranty lasts 24 months. The warranty covers the battery for 12 months.';
    const placed = [place(text, { chunkId: 'a' }), place(text, { chunkId: 'b', score: 0.9 })];
    const texts = compose('How long is the warranty?', placed).sentences.map((sentence) => sentence.text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('reads rows of a table as sentences', () => {
    const placed = place(
      'city | manager | phone\nSeoul | Kim | 02-555-0101\nBusan | Lee | 051-555-0102\nDaegu | Park | 053-555-0103',
    );
    const draft = compose('What is the phone of the Busan manager?', [placed]);
    expect(draft.sentences.map(({ text }) => text)).toContain('Busan | Lee | 051-555-0102');
    expectExact(draft, [placed]);
  });

  it('answers from under a question of an FAQ, not with the question', () => {
    const placed = place(
      'How long is the warranty? Two years from purchase. Where are parts sold? In every branch. Can I pay later? Only firms can.',
    );
    const texts = compose('How long is the warranty?', [placed]).sentences.map(({ text }) => text);
    expect(texts).toContain('Two years from purchase.');
    expect(texts.join(' ')).not.toContain('?');
  });

  it('has nothing to say when no sentence shares a word with the question, or there is no passage', () => {
    expect(compose('quantum chromodynamics?', [leave]).sentences).toEqual([]);
    expect(compose('휴가?', []).sentences).toEqual([]);
  });

  it('speaks for several passages in a summary, with no more sentences than each mode allows', () => {
    const placed = ['Alpha', 'Beta', 'Gamma'].map((name, at) =>
      place(
        [1, 2, 3, 4]
          .map((n) => `The ${name} battery policy has rule ${n} about ${name.toLowerCase()}${n} storage.`)
          .join(' '),
        { documentId: name, chunkId: name, score: 1 - at / 100 },
      ),
    );
    const summary = compose('battery storage policy', placed, 'summary');
    expect(summary.sentences).toHaveLength(5);
    expect(new Set(summary.sentences.map(({ passage }) => passage)).size).toBeGreaterThan(1);
    expect(compose('battery storage policy', placed, 'keypoints').sentences.length).toBeLessThanOrEqual(7);
    expect(compose('battery storage policy', placed).sentences.length).toBeLessThanOrEqual(3);
  });

  it('keeps the sentences of a document in their order', () => {
    const draft = compose('payment gateway outage cause and customers', [incident]);
    const starts = draft.sentences.map(({ start }) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });
});

describe('composeExtractive on random texts', () => {
  const words = [
    '배송은',
    '한빛',
    '가격이',
    '🙂',
    'battery',
    'Seoul',
    '1,200원',
    '규정을',
    'é',
    '보증',
    '각',
    'API',
    '3.5mm',
  ];
  const ends = ['.', '다.', '?', '!', '요.\n', '\n\n', ' 🙃.', '…'];

  it('quotes exactly what stands in the version, whatever the script', () => {
    const random = seededRandom(20);
    for (let round = 0; round < 150; round += 1) {
      const placed = [0, 1, 2].map((n) => {
        const sentences = Array.from(
          { length: 1 + Math.floor(random() * 6) },
          () =>
            `${Array.from({ length: 1 + Math.floor(random() * 7) }, () => pick(random, words)).join(' ')}${pick(random, ends)}`,
        );
        return place(sentences.join(' ').trim().normalize('NFC'), {
          chunkId: `${n}`,
          documentId: `${n}`,
          score: random(),
        });
      });
      const question = `${pick(random, words)} ${pick(random, words)}?`;
      for (const mode of ['answer', 'summary', 'keypoints'] as const) {
        const draft = compose(question, placed, mode);
        expectExact(draft, placed);
        const keys = draft.sentences.map((s) => `${s.passage} ${s.start}`);
        expect(new Set(keys).size).toBe(keys.length);
      }
    }
  });

  it('is the same for the same input', () => {
    const passages: Passage[] = [leave.passage, incident.passage];
    const again = (): Draft =>
      composeExtractive('팀장', readIntent('팀장', 'answer'), passages, analysisOf('팀장 휴가 gateway'));
    expect(again()).toEqual(again());
  });
});
