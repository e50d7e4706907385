import { seededRandom } from '../../src/evaluation/random.ts';

/**
 * Made-up personal data in running text, Korean and English, from a seed. Written from how people write such numbers, apart
 * from the detectors: nothing of theirs is used here.
 */
export interface PiiInstance {
  kind: string;
  text: string;
  /** As it stands in the text. */
  value: string;
}

type Random = () => number;

export function makeInstances(count: number, seed: number): PiiInstance[] {
  const random = seededRandom(seed);
  const kinds = Object.keys(makers);
  return Array.from({ length: count }, (_, n) => {
    const kind = kinds[n % kinds.length] as string;
    const { value, templates } = (makers[kind] as Maker)(random);
    const written = rewritten(value, kind, random);
    return { kind, value: written, text: pick(templates, random).replace('{}', () => written) };
  });
}

interface Made {
  value: string;
  templates: readonly string[];
}
type Maker = (random: Random) => Made;

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

function digits(length: number, random: Random): string {
  return Array.from({ length }, () => Math.floor(random() * 10)).join('');
}

/** Groups of so many digits: `3-3-6`. */
function groups(shape: string, random: Random): string {
  return shape.replace(/\d+/g, (length) => digits(Number(length), random));
}

/** Other hyphens, full-width signs, and line ends after a hyphen: now and then. */
function rewritten(value: string, kind: string, random: Random): string {
  const chance = random();
  if (chance < 0.08) {
    const hyphens = ['‐', '‑', '–', '—', '−', '－', 'ㅡ'];
    return value.replaceAll('-', pick(kind === 'email' ? hyphens : [...hyphens, ' - '], random));
  }
  if (chance < 0.14)
    return value.replace(/[!-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
  if (chance < 0.17 && kind !== 'email') return value.replace('-', '-\n');
  if (chance < 0.19) return value.replace(/(\d\d)/, '$1\u200b');
  return value;
}

const particles = [
  '입니다',
  '이에요',
  '으로',
  '로',
  '을',
  '를',
  '은',
  '는',
  '이',
  '가',
  '와',
  '에게',
  '이며',
  '(으)로',
  '인데',
  '이고',
  '까지',
  '예요',
  '라고',
];

/** The same sentences with every particle. */
function korean(...sentences: string[]): string[] {
  return sentences.flatMap((sentence) =>
    sentence.includes('{p}') ? particles.map((particle) => sentence.replace('{p}', particle)) : [sentence],
  );
}

const dates = (random: Random): string => {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(random() * 100))}${two(1 + Math.floor(random() * 12))}${two(1 + Math.floor(random() * 28))}`;
};

const anyKorean = korean(
  '확인 부탁드립니다: {}{p} 맞나요?',
  '김민수 고객님 정보는 {}{p} 등록되어 있습니다.',
  '담당자 박지영, {}, 2024년 3월 5일 접수.',
  '어제 받은 메모에 {}{p} 적혀 있었다.',
  '({}) 이 값을 시스템에서 삭제해 주세요.',
  '1) 이름: 홍길동 2) 정보: {} 3) 비고: 없음',
  '이영희/{}/서울',
  '"{}"{p} 저장했습니다.',
);
const anyEnglish = [
  'Please update the record: {} is on file.',
  'Jane Doe, {}, confirmed on 5 March 2024.',
  'He wrote down {}. Then he left.',
  'Value: {}; status: active',
  'The form says "{}" in field 12.',
  'We received {}, thank you!',
];

function phone(random: Random): Made {
  const four = () => digits(4, random);
  const three = () => String(100 + Math.floor(random() * 900));
  const area = pick(
    [
      '02',
      '031',
      '032',
      '033',
      '041',
      '042',
      '043',
      '044',
      '051',
      '052',
      '053',
      '054',
      '055',
      '061',
      '062',
      '063',
      '064',
      '070',
    ],
    random,
  );
  const middle = pick([four(), three()], random);
  const value = pick(
    [
      ...[
        `010-${four()}-${four()}`,
        `010-${four()}-${four()}`,
        `010.${four()}.${four()}`,
        `010 ${four()} ${four()}`,
      ],
      ...[
        `010${four()}${four()}`,
        `011-${three()}-${four()}`,
        `016-${three()}-${four()}`,
        `019 ${three()} ${four()}`,
      ],
      ...[
        `+82 10-${four()}-${four()}`,
        `+82-10-${four()}-${four()}`,
        `+8210${four()}${four()}`,
        `+82 (0)10 ${four()} ${four()}`,
      ],
      ...[
        `(+82) 10-${four()}-${four()}`,
        `+82 2 ${three()} ${four()}`,
        `82-10-${four()}-${four()}`,
        `010)${four()}-${four()}`,
      ],
      ...[
        `${area}-${middle}-${four()}`,
        `(${area}) ${middle}-${four()}`,
        `${area})${middle}-${four()}`,
        `(${area})${middle}-${four()}`,
      ],
      ...[
        `${area}.${middle}.${four()}`,
        `${area} ${middle} ${four()}`,
        `${area}${middle}${four()}`,
        `0507-${four()}-${four()}`,
      ],
    ],
    random,
  );
  const named = korean(
    '연락처는 {}{p} 알려 주세요.',
    '휴대폰 번호 {}{p} 문자를 보냈습니다.',
    '전화: {}',
    'Tel.{}',
    '문의는 {}{p} 해 주십시오.',
    '자세한 내용은 {}(담당 최과장)에게 물어보세요.',
  );
  return {
    value,
    templates: pick(
      [named, anyKorean, ['Call me at {} tomorrow.', 'My number is {}, thanks.', 'Phone: {}', ...anyEnglish]],
      random,
    ),
  };
}

function foreignPhone(random: Random): Made {
  const n = (length: number) => String(2 + Math.floor(random() * 8)) + digits(length - 1, random);
  const value = pick(
    [
      ...[
        `(${n(3)}) ${n(3)}-${n(4)}`,
        `${n(3)}-${n(3)}-${n(4)}`,
        `+1 ${n(3)}-${n(3)}-${n(4)}`,
        `+1 (${n(3)}) ${n(3)}-${n(4)}`,
      ],
      ...[
        `1-${n(3)}-${n(3)}-${n(4)}`,
        `${n(3)}.${n(3)}.${n(4)}`,
        `+1${n(3)}${n(3)}${n(4)}`,
        `+44 20 ${n(4)} ${n(4)}`,
      ],
      ...[
        `+44 7${digits(3, random)} ${n(6)}`,
        `+81-90-${n(4)}-${n(4)}`,
        `+86 138 ${n(4)} ${n(4)}`,
        `+49 30 ${n(8)}`,
      ],
      ...[
        `+33 1 ${n(2)} ${n(2)} ${n(2)} ${n(2)}`,
        `020 7${digits(3, random)} ${n(4)}`,
        `+65 ${n(4)} ${n(4)}`,
      ],
    ],
    random,
  );
  return {
    value,
    templates: [
      ...anyEnglish,
      'Call me at {} tomorrow.',
      'Reach us on {} or by post.',
      'Fax: {}',
      '미국 지사 전화는 {}입니다.',
    ],
  };
}

function residentNumber(random: Random, sevenths: string): Made {
  const seventh = pick([...sevenths], random);
  const [front, back] = [dates(random), `${seventh}${digits(6, random)}`];
  const value = pick(
    [
      `${front}-${back}`,
      `${front}-${back}`,
      `${front} - ${back}`,
      `${front} ${back}`,
      `${front}.${back}`,
      `${front}-${back}`,
    ],
    random,
  );
  const named = korean(
    '주민등록번호는 {}{p} 확인되었습니다.',
    '주민번호 {}{p} 조회했다.',
    '외국인등록번호: {}',
    '신분증에는 {}{p} 쓰여 있다.',
    '등록번호({})',
  );
  const plain = chance(random, 0.15) ? `${front}${back}` : value;
  const english = [
    'His resident registration number is {}.',
    'RRN: {}',
    'Alien registration no. {} was issued in Seoul.',
    ...anyEnglish,
  ];
  // Without separators and without a name, thirteen digits that begin with 1 are a time in milliseconds as well.
  const needsName = plain.length === 13 && plain.startsWith('1');
  return { value: plain, templates: needsName ? named : pick([named, anyKorean, english], random) };
}

function chance(random: Random, share: number): boolean {
  return random() < share;
}

function card(random: Random): Made {
  const [prefix, length] = pick(
    [
      ['4', 16],
      ['51', 16],
      ['55', 16],
      ['2223', 16],
      ['34', 15],
      ['37', 15],
      ['6011', 16],
      ['65', 16],
      ['3530', 16],
      ['36', 14],
      ['6250', 16],
      ['9410', 16],
      ['5409', 16],
    ] as const,
    random,
  );
  const body = prefix + digits(length - prefix.length - 1, random);
  const number = body + luhnDigit(body);
  const parts = length === 16 ? [4, 4, 4, 4] : length === 15 ? [4, 6, 5] : [4, 6, 4];
  const start = (n: number) => parts.slice(0, n).reduce((sum, size) => sum + size, 0);
  const grouped = parts.map((size, n) => number.slice(start(n), start(n) + size));
  const value =
    prefix === '9410'
      ? grouped.join('-')
      : pick([grouped.join(' '), grouped.join('-'), grouped.join('-'), number, grouped.join('.')], random);
  const named = korean(
    '카드번호는 {}{p} 결제해 주세요.',
    '신용카드 {}{p} 분실했습니다.',
    '{}{p} 승인되었습니다.',
    '법인카드({})',
  );
  return {
    value,
    templates: pick(
      [named, anyKorean, [...anyEnglish, 'Charge it to card {} please.', 'Visa {}, exp 09/27']],
      random,
    ),
  };
}

function luhnDigit(body: string): string {
  let sum = 0;
  [...body].reverse().forEach((digit, i) => {
    const twice = Number(digit) * 2;
    sum += i % 2 === 0 ? (twice > 9 ? twice - 9 : twice) : Number(digit);
  });
  return String((10 - (sum % 10)) % 10);
}

function account(random: Random): Made {
  const [bank, shape] = pick(
    [
      ...([
        ['국민은행', '6-2-6'],
        ['KB국민', '6-2-6'],
        ['신한은행', '3-3-6'],
        ['신한', '3-3-6'],
        ['우리은행', '4-3-6'],
        ['하나은행', '3-6-5'],
      ] as const),
      ...([
        ['농협', '3-4-4-2'],
        ['NH농협', '3-4-4-2'],
        ['기업은행', '3-6-2-3'],
        ['카카오뱅크', '4-2-7'],
        ['토스뱅크', '4-4-4'],
        ['케이뱅크', '3-3-6'],
      ] as const),
      ...([
        ['SC제일은행', '3-2-6'],
        ['우체국', '6-2-6'],
        ['새마을금고', '4-4-4-1'],
        ['부산은행', '3-4-4-2'],
        ['대구은행', '3-2-6-1'],
        ['수협', '4-4-4'],
      ] as const),
    ],
    random,
  );
  const dashed = groups(shape, random);
  const value = pick(
    [dashed, dashed, dashed, dashed.replaceAll('-', ' '), dashed.replaceAll('-', '')],
    random,
  );
  const templates = korean(
    `${bank} {}{p} 입금해 주세요.`,
    `${bank} 계좌 {}{p} 보내 주시면 됩니다.`,
    `계좌번호: {} (${bank})`,
    `{} ${bank} 예금주 홍길동`,
    `환불 계좌는 ${bank} {}{p} 등록했습니다.`,
    `급여는 ${bank} {}{p} 이체됩니다.`,
    '입금 계좌 {}{p} 송금 바랍니다.',
    '통장 번호가 {}{p} 바뀌었습니다.',
    'Please wire the money to bank account {} by Friday.',
    'Account number: {}',
    'My account no. is {}, in Seoul.',
  );
  return { value, templates };
}

function email(random: Random): Made {
  const name =
    pick(
      [
        'kim',
        'minsu.lee',
        'hong_gildong',
        'j.doe',
        'park-jy',
        'sales+kr',
        'a1b2',
        'choi99',
        'info',
        'O.Brien',
      ],
      random,
    ) + (chance(random, 0.3) ? digits(2, random) : '');
  const host = pick(
    [
      'example.com',
      'naver.com',
      'gmail.com',
      'corp.co.kr',
      'mail.example.org',
      'uni.ac.kr',
      'daum.net',
      'my-shop.io',
      '회사.한국',
      '우리가게.com',
      'sub.dept.gov.uk',
      'Example.COM',
    ],
    random,
  );
  const value = `${name}@${host}`;
  const named = korean(
    '이메일은 {}{p} 보내 주세요.',
    '메일주소: {}',
    '{}{p} 연락 바랍니다.',
    '문의 메일({})',
    '담당자<{}>',
    '이메일:{},전화:없음',
    '회신은 {}{p} 부탁합니다.',
  );
  return {
    value,
    templates: pick(
      [
        named,
        anyKorean,
        [...anyEnglish, 'Write to {}.', 'Contact <{}> for help', 'mailto:{}', 'e-mail {}, or post'],
      ],
      random,
    ),
  };
}

function passport(random: Random): Made {
  const letter = pick([...'MMMSRDO'], random);
  const isNew = chance(random, 0.5);
  const value = isNew
    ? `${letter}${digits(3, random)}${pick([...'ABCDEFGHJKLMNPQRSTUVWXYZ'], random)}${digits(4, random)}`
    : `${letter}${digits(8, random)}`;
  const named = korean(
    '여권번호는 {}{p} 확인됩니다.',
    '여권 {}{p} 재발급받았습니다.',
    '여권번호: {}',
    '{} 여권을 분실했습니다.',
    '그의 여권({})은 만료되었다.',
  );
  const english = [
    'Her passport number is {}.',
    'Passport No. {} expires in May.',
    'She holds passport {} issued in Seoul.',
  ];
  const plain = letter === 'M' ? [...anyKorean, ...anyEnglish] : named;
  return { value, templates: pick([named, english, plain], random) };
}

function license(random: Random): Made {
  const region = String(11 + Math.floor(random() * 18));
  const value = pick(
    [
      `${region}-${groups('2-6-2', random)}`,
      `${region}-${groups('2-6-2', random)}`,
      `${region} ${groups('2 6 2', random)}`,
      `${pick(['서울', '경기', '부산'], random)}-${groups('2-6-2', random)}`,
    ],
    random,
  );
  const named = korean(
    '운전면허번호는 {}{p} 등록되었습니다.',
    '면허 {}{p} 갱신했습니다.',
    '운전면허: {}',
    '면허증 번호({})',
  );
  return {
    value,
    templates: pick([named, anyKorean, ["Driver's license {} was renewed.", ...anyEnglish]], random),
  };
}

function business(random: Random): Made {
  const value = pick(
    [groups('3-2-5', random), groups('3-2-5', random), groups('3 2 5', random), digits(10, random)],
    random,
  );
  const named = korean(
    '사업자등록번호는 {}{p} 확인되었습니다.',
    '사업자번호 {}{p} 세금계산서를 발행했다.',
    '사업자등록번호: {}',
    '(주)가나다 사업자 {}',
  );
  const english = ['Business registration number {} belongs to the shop.', 'Business no. {}'];
  return {
    value,
    templates: value.includes('-')
      ? pick([named, anyKorean, english, anyEnglish], random)
      : pick([named, english], random),
  };
}

function ssn(random: Random): Made {
  const value = `${1 + Math.floor(random() * 5)}${digits(2, random).replace('66', '67')}-${10 + Math.floor(random() * 89)}-${1000 + Math.floor(random() * 9000)}`;
  return {
    value,
    templates: [...anyEnglish, 'SSN: {}', 'Her social security number is {}.', 'His SSN ({}) was stolen.'],
  };
}

const makers: Record<string, Maker> = {
  phone,
  email,
  rrn: (random) => residentNumber(random, '1234'),
  card,
  account,
  frn: (random) => residentNumber(random, '5678'),
  passport,
  business,
  'phone abroad': foreignPhone,
  license,
  ssn,
  'phone again': phone,
};
