import type { Random } from '../chaos/random.ts';

const names = [
  'Ada',
  'Bruno',
  'Chika',
  'Dmitri',
  'Esra',
  'Farah',
  'Goran',
  'Hana',
  '민수',
  '서연',
  '지훈',
  '하은',
];
const things = ['boat', 'forge', 'mill', 'orchard', 'printing press', 'sawmill', 'stable', 'tannery'];
const places = ['Aldern', 'Brimley', 'Corvo', 'Dunmore', 'Eskdale', 'Farrow', '가람', '나루', '도담', '새별'];
const materials = ['oak', 'granite', 'brick', 'slate', 'copper', 'limestone'];

/** One entry of a made-up register: what it says, and a question that it answers. */
export interface Entry {
  document: { external_id: string; title: string; text: string; taxonomy_path: string[] };
  question: string;
}

/** A register of so many entries in two languages, the same for the same random numbers; no entry is like another. */
export function writeRegister(random: Random, entries: number): Entry[] {
  return Array.from({ length: entries }, (_, n) => {
    const [name, thing] = [random.pick(names), random.pick(things)];
    const [place, material] = [random.pick(places), random.pick(materials)];
    const year = 1700 + random.int(250);
    const english = {
      text: `Entry ${n} of the register. The ${thing} of ${name} in ${place} was built of ${material} in ${year}. It has ${2 + random.int(40)} windows. 🏚 Nobody may enter it after dusk.`,
      question: `When was the ${thing} of ${name} in ${place} built (entry ${n})?`,
    };
    const korean = {
      text: `등록부 ${n}번 항목. ${place}에 있는 ${name}의 집은 ${year}년에 지어졌다. 창문은 모두 ${2 + random.int(40)}개이다. 😀 해가 진 뒤에는 들어갈 수 없다.`,
      question: `등록부 ${n}번, ${place}에 있는 ${name}의 집은 언제 지어졌나요?`,
    };
    const { text, question } = random.next() < 0.5 ? english : korean;
    const title = `Register, entry ${n}`;
    return {
      document: { external_id: `entry-${n}`, title, text, taxonomy_path: ['Register', place] },
      question,
    };
  });
}
