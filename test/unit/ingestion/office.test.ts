import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../workers/ingestion/parse-document.ts';
import { parsers } from '../../../workers/ingestion/parsers/registry.ts';
import { odf, pptx, shape, xlsx } from '../../support/fixtures/ingestion/office.ts';
import { docx, paragraph, zip } from '../../support/fixtures/ingestion/zip.ts';

const read = (content: Buffer, fileName = 'a') => parseDocument(content, { fileName }, parsers);
const entity = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>';

describe('docx', () => {
  const run = (text: string, properties = '') => `<w:r><w:rPr>${properties}</w:rPr><w:t>${text}</w:t></w:r>`;

  it('leaves out what a reader does not see', async () => {
    const body = [
      `<w:p>${run('seen')}${run('vanished', '<w:vanish/>')}${run(' too', '<w:vanish w:val="0"/><w:sz w:val="20"/>')}${run('tiny', '<w:sz w:val="2"/>')}</w:p>`,
      `<w:p><w:del>${run('deleted')}</w:del><w:ins>${run('inserted')}</w:ins></w:p>`,
      `<w:p><w:r><w:instrText>PAGE</w:instrText></w:r><mc:AlternateContent><mc:Choice>${run('one')}</mc:Choice><mc:Fallback>${run('two')}</mc:Fallback></mc:AlternateContent></w:p>`,
    ];
    expect((await read(docx(body.join('')))).document.text).toBe('seen too\n\ninserted\n\none');
  });

  it('keeps lists, breaks, nested tables, and notes and headers once', async () => {
    const item =
      '<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>item</w:t></w:r></w:p>';
    const inner = `<w:tbl><w:tr><w:tc>${paragraph('c')}</w:tc><w:tc>${paragraph('d')}</w:tc></w:tr></w:tbl>`;
    const table = `<w:tbl><w:tr><w:tc>${paragraph('a')}</w:tc><w:tc>${paragraph('b')}${inner}</w:tc></w:tr></w:tbl>`;
    const relation = (type: string, n: number) =>
      `<Relationship Id="${type}${n}" Type="x/${type}" Target="${type}${n}.xml"/>`;
    const { document } = await read(
      docx(`${item}${item}<w:p><w:r><w:t>x</w:t><w:br/><w:t>y</w:t></w:r></w:p>${table}`, [
        {
          name: 'word/footnotes1.xml',
          data: `<w:footnotes><w:footnote>${paragraph('note')}</w:footnote></w:footnotes>`,
        },
        { name: 'word/header1.xml', data: `<w:hdr>${paragraph('Head')}</w:hdr>` },
        { name: 'word/header2.xml', data: `<w:hdr>${paragraph('Head')}</w:hdr>` },
        { name: 'word/footer1.xml', data: `<w:ftr>${paragraph('- 3 -')}</w:ftr>` },
        // The later of two members of one name is not what Word reads: the first relations stay in force.
        { name: 'word/_rels/document2.xml.rels', data: '' },
      ]),
    );
    expect(document.text).toBe('- item\n- item\n\nx\ny\n\na | b c d');
    const rels = `<Relationships>${relation('footnotes', 1)}${relation('header', 1)}${relation('header', 2)}${relation('footer', 1)}</Relationships>`;
    const withParts = zip([
      { name: 'word/document.xml', data: `<w:document><w:body>${paragraph('x')}</w:body></w:document>` },
      { name: 'word/_rels/document.xml.rels', data: rels },
      { name: 'word/footnotes1.xml', data: `<w:footnotes>${paragraph('note')}</w:footnotes>` },
      { name: 'word/header1.xml', data: `<w:hdr>${paragraph('Head')}</w:hdr>` },
      { name: 'word/header2.xml', data: `<w:hdr>${paragraph('Head')}</w:hdr>` },
      { name: 'word/footer1.xml', data: `<w:ftr>${paragraph('- 3 -')}</w:ftr>` },
    ]);
    expect((await read(withParts)).document.text).toBe('x\n\nnote\n\nHead');
  });
});

describe('pptx', () => {
  it('has a page a slide, titles as headings, tables as rows, notes', async () => {
    const cell = (text: string) =>
      `<a:tc><a:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></a:txBody></a:tc>`;
    const table = `<p:graphicFrame><a:tbl><a:tr>${cell('x')}${cell('y')}</a:tr><a:tr>${cell('1')}${cell('2')}</a:tr></a:tbl></p:graphicFrame>`;
    const { format, document } = await read(
      pptx([
        { shapes: shape('제목', 'ctrTitle') + shape('본문') + shape('7', 'sldNum'), notes: '발표 메모' },
        { shapes: shape('secret'), attributes: 'show="0"', notes: 'secret too' },
        { shapes: `${shape('Second', 'title')}${shape('secret', 'body', true)}${table}` },
      ]),
    );
    expect(format).toBe('pptx');
    expect(document.title).toBe('제목');
    expect(document.pages.map(({ start, end }) => document.text.slice(start, end).trim())).toEqual([
      '제목\n\n본문\n\n발표 메모',
      '',
      'Second\n\nx | y\n1 | 2',
    ]);
    expect(document.headings.map(({ start, end }) => document.text.slice(start, end))).toEqual([
      '제목',
      'Second',
    ]);
  });
});

describe('xlsx', () => {
  const row = (n: number, cells: string) => `<row r="${n}">${cells}</row>`;
  const text = (ref: string, value: string) => `<c r="${ref}" t="inlineStr"><is><t>${value}</t></is></c>`;

  it('names values by their header, reads dates, shares and shared strings, and leaves hidden sheets out', async () => {
    const styles =
      '<numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;년&quot; m&quot;월&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="10"/></cellXfs>';
    const rows = [
      row(1, text('A1', '매출 보고')),
      row(2, `<c r="A2" t="s"><v>0</v></c>${text('B2', '날짜')}${text('D2', '비율')}${text('C2', '금액')}`),
      row(
        3,
        `<c r="A3" t="s"><v>1</v></c><c r="B3" s="1"><v>45366</v></c><c r="C3"><v>0.30000000000000004</v></c><c r="D3" s="3"><v>0.255</v></c>`,
      ),
      row(4, '<c r="B4" s="2"><v>45366.5</v></c><c r="C4" t="b"><v>1</v></c>'),
      row(6, `${text('A6', 'x')}${text('B6', 'y')}`),
    ].join('');
    const { document } = await read(
      xlsx(
        [
          { name: '요약', rows },
          { name: 'blank', rows: '' },
          { name: 'secret', rows: row(1, text('A1', 'secret')), state: 'hidden' },
        ],
        ['<t>이름</t><rPh><t>ナマエ</t></rPh>', '<r><t>김</t></r><r><t>철수</t></r>'],
        styles,
      ),
    );
    expect(document.text).toBe(
      '요약\n\n매출 보고\n\n이름: 김철수; 날짜: 2024-03-15; 금액: 0.3; 비율: 25.5%\n날짜: 2024-03-15 12:00:00; 금액: TRUE\n\nx; y',
    );
  });

  it.each([
    ['entities', 'xl/workbook.xml', `${entity}<workbook>&b;</workbook>`, 'document_unreadable'],
    ['elements without end', 'xl/workbook.xml', '<a>'.repeat(100_000), 'document_unreadable'],
    ['a part cut short', 'xl/workbook.xml', '<workbook><sheets>', 'document_unreadable'],
    ['nothing in it', 'xl/workbook.xml', '<workbook/>', 'document_empty'],
    ['no workbook', 'xl/other.xml', '<workbook/>', 'document_unreadable'],
  ])('refuses %s', async (_, name, data, code) => {
    await expect(read(zip([{ name, data }]))).rejects.toMatchObject({ name: 'AppError', code });
  });
});

describe('OpenDocument', () => {
  it('reads texts: headings, lists, tables; not what is hidden', async () => {
    const hidden = '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>';
    const body =
      '<office:text><text:tracked-changes><text:deletion><text:p>old</text:p></text:deletion></text:tracked-changes><text:h text:outline-level="2">제목</text:h><text:p>a<text:s/>b<text:span text:style-name="T1">secret</text:span><office:annotation><text:p>comment</text:p></office:annotation><text:line-break/>c</text:p><text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell><table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table></office:text>';
    const meta =
      '<office:meta><dc:title>T</dc:title><meta:initial-creator>Kim</meta:initial-creator><meta:creation-date>2024-03-15T09:00:00</meta:creation-date></office:meta>';
    const { format, document } = await read(odf('text', body, hidden, [{ name: 'meta.xml', data: meta }]));
    expect(format).toBe('odt');
    expect(document.text).toBe('제목\n\na b\nc\n\n- one\n- two\n\nx | y');
    expect(document).toMatchObject({ title: 'T', author: 'Kim', date: '2024-03-15T09:00:00Z' });
    expect(document.headings).toEqual([{ level: 2, start: 0, end: 2 }]);
  });

  it('reads sheets and slides', async () => {
    const cell = (text: string, attributes = '') =>
      `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`;
    const rows = `<table:table-row>${cell('이름')}${cell('수')}</table:table-row><table:table-row>${cell('a')}${cell('1')}<table:table-cell table:number-columns-repeated="16000000"/></table:table-row>`;
    const hidden =
      '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>';
    const sheets = `<table:table table:name="S">${rows}</table:table><table:table table:name="H" table:style-name="ta2">${rows}</table:table>`;
    expect((await read(odf('spreadsheet', sheets, hidden))).document.text).toBe('S\n\n이름: a; 수: 1');
    const page = (text: string) =>
      `<draw:page draw:master-page-name="m"><draw:frame presentation:class="title"><text:p>${text}</text:p></draw:frame></draw:page>`;
    const { document } = await read(odf('presentation', page('One') + page('Two')));
    expect(document.pages).toHaveLength(2);
    expect(document.text).toBe('One\n\nTwo');
  });

  it('tells a password', async () => {
    const manifest = { name: 'META-INF/manifest.xml', data: '<manifest><encryption-data/></manifest>' };
    await expect(read(odf('text', '', '', [manifest]))).rejects.toMatchObject({ code: 'document_encrypted' });
  });
});

describe('epub', () => {
  const book = (chapters: Record<string, string>, spine: readonly string[]) =>
    zip([
      { name: 'mimetype', data: 'application/epub+zip' },
      {
        name: 'META-INF/container.xml',
        data: '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
      },
      {
        name: 'OPS/book.opf',
        data: `<!DOCTYPE package><package><metadata><dc:title>책</dc:title><dc:creator>Kim</dc:creator><dc:language>ko</dc:language></metadata><manifest>${Object.keys(
          chapters,
        )
          .map(
            (name) =>
              `<item id="${name}" href="${encodeURIComponent(name)}.xhtml" media-type="application/xhtml+xml"/>`,
          )
          .join(
            '',
          )}</manifest><spine>${spine.map((name) => `<itemref idref="${name}"/>`).join('')}</spine></package>`,
      },
      ...Object.entries(chapters).map(([name, body]) => ({
        name: `OPS/${name}.xhtml`,
        data: `<html><body>${body}</body></html>`,
      })),
    ]);

  it('reads the chapters in the order of the spine', async () => {
    const { document } = await read(
      book({ b: '<h1>Two</h1>', 'a 1': '<h1>하나</h1><p>x</p>' }, ['a 1', 'b']),
    );
    expect(document.text).toBe('하나\n\nx\n\nTwo');
    expect(document).toMatchObject({ title: '책', author: 'Kim', language: 'ko' });
  });
});

describe('hwpx', () => {
  it('reads sections in order, tables as rows', async () => {
    const p = (text: string) => `<hp:p><hp:run><hp:t>${text}</hp:t></hp:run></hp:p>`;
    const table = `<hp:p><hp:run><hp:tbl><hp:tr><hp:tc><hp:subList>${p('가')}</hp:subList></hp:tc><hp:tc><hp:subList>${p('나')}</hp:subList></hp:tc></hp:tr></hp:tbl></hp:run></hp:p>`;
    const { format, document } = await read(
      zip([
        { name: 'mimetype', data: 'application/hwp+zip' },
        { name: 'Contents/section10.xml', data: `<hs:sec>${p('끝')}</hs:sec>` },
        { name: 'Contents/section2.xml', data: `<hs:sec>${p('첫<hp:lineBreak/>줄')}${table}</hs:sec>` },
        {
          name: 'Contents/content.hpf',
          data: '<opf:package><opf:metadata><opf:title>보고서</opf:title><opf:meta name="creator" content="text">김</opf:meta></opf:metadata></opf:package>',
        },
      ]),
    );
    expect(format).toBe('hwpx');
    expect(document.text).toBe('첫\n줄\n\n가 | 나\n\n끝');
    expect(document).toMatchObject({ title: '보고서', author: '김' });
  });
});
