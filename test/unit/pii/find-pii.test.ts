import { describe, expect, it } from 'vitest';
import { findPii } from '../../../src/text/pii/find-pii.ts';
import { makeInstances } from '../../support/pii-instances.ts';

/** What was found, each as `kind: text`. */
const found = (text: string) =>
  [...findPii(text)].map(({ kind, start, end }) => `${kind}: ${text.slice(start, end)}`);

describe('findPii', () => {
  it('finds at least 99 % of made-up instances in running text, whole', () => {
    const instances = makeInstances(4000, 20_261_123);
    const missed = instances.filter(({ text, value }) => {
      const start = text.indexOf(value);
      return ![...findPii(text)].some((hit) => hit.start <= start && hit.end >= start + value.length);
    });
    expect(missed.length, JSON.stringify(missed.slice(0, 10))).toBeLessThanOrEqual(instances.length / 100);
  });

  it.each([
    ['연락처는 010-1234-5678입니다.', 'phone: 010-1234-5678'],
    ['T.02)345-6789', 'phone: 02)345-6789'],
    ['(031) 123-4567로', 'phone: (031) 123-4567'],
    ['０１０－１２３４－５６７８에', 'phone: ０１０－１２３４－５６７８'],
    ['010-1234-\n5678', 'phone: 010-1234-\n5678'],
    ['0 1 0 - 1 2 3 4 - 5 6 7 8', 'phone: 0 1 0 - 1 2 3 4 - 5 6 7 8'],
    ['010\u200b-1234-56\u200b78', 'phone: 010\u200b-1234-56\u200b78'],
    ['+82 (0)10 1234 5678 or', 'phone: +82 (0)10 1234 5678'],
    ['397.884.0519x718', 'phone: 397.884.0519'],
    ['+1-539-402-0259 (496', 'phone: +1-539-402-0259'],
    ['900101 - 1234567이며', 'rrn: 900101 - 1234567'],
    ['외국인 9001015234567', 'frn: 9001015234567'],
    ['4111 1111 1111 1111로', 'card: 4111 1111 1111 1111'],
    ['2024 4111 1111 1111 1111 3번', 'card: 4111 1111 1111 1111'],
    ['SSN-123-45-6789', 'ssn: 123-45-6789'],
    ['"a\\n010-1234-5678\\n"', 'phone: 010-1234-5678'],
    ['Amex 3782 822463 10005.', 'card: 3782 822463 10005'],
    ['110-123-456789 신한', 'account: 110-123-456789'],
    ['우리은행 1002123456789로', 'account: 1002123456789'],
    ['GB82 WEST 1234 5698 7654 32 is', 'account: GB82 WEST 1234 5698 7654 32'],
    ['여권번호 M12345678을', 'passport: M12345678'],
    ['M123A4567입니다', 'passport: M123A4567'],
    ['면허 11-22-333333-44', 'license: 11-22-333333-44'],
    ['사업자등록번호 1234567890', 'business: 1234567890'],
    ['123-45-67890', 'business: 123-45-67890'],
    ['법인등록번호 110111-1234567', 'business: 110111-1234567'],
    ['SSN 123-45-6789.', 'ssn: 123-45-6789'],
    ['메일은kim@example.com으로', 'email: kim@example.com'],
    ['홍길동＠회사.한국입니다', 'email: 홍길동＠회사.한국'],
    ['kim (at) example (dot) com', 'email: kim (at) example (dot) com'],
    ['kim@example.com.Please', 'email: kim@example.com'],
  ])('finds in %j the %j', (text, hit) => {
    expect(found(text)).toEqual([hit]);
  });

  it.each([
    '주문번호 110-123-456789, 운송장 1234-5678-9012',
    '2024-01-15 12:30:45, 2024.01.15, 20240101120000',
    '버전 10.15.7.1234, v2.0.1-rc.3, 192.168.100.101',
    '37.566535, 126.977969, 3.14159265358979, 0.9001011234567',
    '1,234,567원, 12345678901원, 예금 12345678901234원',
    'ISBN 979-11-5839-123-4, ISBN 8968481234, 4006381333931',
    '1592-1598, 1910-1945년, 1588-1644, pp. 123-456',
    'sha256 56fb7a55115e900196115a74e399beb45c2f41ae00b99525d46fb52935c4ee2a',
    '12345678-1234-1234-1234-123456789012',
    '4111 1111 1111 1112, 900231-1234567, 901301-1234567',
    'at 1712345678901 the time in milliseconds',
    'user@localhost, foo@2x.png, react@18.2.0, git@github.com:org/repo.git, @media',
    '[PHONE] [EMAIL] [RRN]',
  ])('finds nothing in %j', (text) => {
    expect(found(text)).toEqual([]);
  });

  it('sees two in one place once, as the longer one', () => {
    expect(found('계좌 DE89 3704 0044 0532 0130 00')).toEqual(['account: DE89 3704 0044 0532 0130 00']);
  });

  it('gives offsets into the text as it is given, far into it as well', () => {
    const filler = '가나다 \ufeff라마바. '.repeat(20_000);
    const text = `${filler}010-1234-5678${filler}kim@example.com${filler}`;
    expect(found(text)).toEqual(['phone: 010-1234-5678', 'email: kim@example.com']);
  });

  it('takes time in proportion to the length of what is made to take long', () => {
    for (const piece of [
      '1',
      '1-',
      '12 34 ',
      'a@',
      'b.',
      '+1 2 3 4 5 6 7 ',
      '010-',
      'AB12 ',
      ' \n',
      '0 ',
      '계좌 1-',
    ])
      expect(found(piece.repeat(200_000 / piece.length)).length).toBeGreaterThanOrEqual(0);
  });
});
