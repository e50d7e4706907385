import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  addDocuments,
  type Client,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const leave = [
  '연차 휴가를 신청하는 방법과 남은 휴가 일수',
  '육아 휴직 기간과 휴가 급여',
  '병가 휴가에는 진단서를 낸다',
  '휴가 이월은 다음 해 연차까지',
];
const security = [
  '비밀번호를 바꾸는 주기와 계정 잠금',
  '방화벽 설정과 계정 비밀번호',
  '보안 사고가 나면 비밀번호를 바꾼다',
  '암호화 키와 계정 보안',
];
const [leavePath, securityPath] = [
  ['HR', 'Leave'],
  ['IT', 'Security'],
];

let service: TestService;
let admin: Client;

beforeAll(async () => {
  service = await startService({ CLASSIFY_THRESHOLD: '0.7' });
  admin = service.admin;
  await addDocuments(admin, [
    ...leave.map((text) => ({ text, taxonomy_path: leavePath })),
    ...security.map((text) => ({ text, taxonomy_path: securityPath })),
  ]);
});
afterAll(() => service.stop());

const classify = async (body: Json, client = admin) => (await client.post('/api/v1/classify', body)).body;
const waiting = async (): Promise<Json[]> => (await admin.get('/api/v1/classify/hitl/tasks')).body.items;
const classified = (id: string) =>
  waitFor('the document is classified', async () => {
    const rows = await service.sql.query<Json>(
      'select * from classifications where document_id = $1 and not due',
      [id],
    );
    return rows[0];
  });

it('says where a Korean text belongs, and why', async () => {
  const found = await classify({ text: '올해 남은 연차 휴가를 신청하려고 합니다', max_suggestions: 2 });
  expect(found).toMatchObject({ canonical: leavePath, taxonomy_version: '1.0.0' });
  expect(found.candidates.map(({ canonical_path }: Json) => canonical_path)).toEqual([
    leavePath,
    securityPath,
  ]);
  expect(found.reasoning[0]).toContain('HR / Leave');
  expect(found.signals[0].detail).toMatch(/휴가|연차/);
  const batch = await admin.post('/api/v1/classify/batch', {
    items: [{ text: '비밀번호와 방화벽' }, { text: '휴가' }],
  });
  expect(batch.body.items.map(({ canonical }: Json) => canonical)).toEqual([securityPath, leavePath]);
});

it('shows a restricted key its own branch, and refuses half a request', async () => {
  const { client } = await createKey(service, { scope: 'write', permissions: ['taxonomy:IT'] });
  const found = await classify({ text: '남은 연차 휴가' }, client);
  expect(JSON.stringify(found)).not.toContain('Leave');
  expect(found).toMatchObject({ hitl: true });
  const [document] = (await admin.get('/api/v1/documents?limit=1')).body.items;
  for (const body of [{}, { text: 'a', document_id: document.id }])
    expect((await client.post('/api/v1/classify', body)).status).toBe(422);
  const taught = await client.post('/api/v1/classify/examples', {
    canonical: leavePath,
    document_id: document.id,
  });
  expect([403, 404]).toContain(taught.status);
});

it('places a sure document, leaves an unsure one to a person, and learns from what they say', async () => {
  const [sure, unsure] = await addDocuments(admin, [
    { text: '연차 휴가 신청, 휴가 일수, 육아 휴직과 병가 휴가' },
    { text: '구내식당의 점심 메뉴와 영업 시간' },
  ]);
  const row = await classified(sure.id);
  expect(row.review).toBe(row.confidence < 0.7);
  expect(row.result).toMatchObject({ canonical: leavePath });
  expect(row.result.chunks[0]).toMatchObject({ text: expect.stringContaining('연차') });
  expect((await classified(unsure.id)).review).toBe(true);
  const task = (await waiting()).find(({ document_id }) => document_id === unsure.id);
  expect(task).toMatchObject({ status: 'open', confidence: expect.any(Number) });

  const self = `/api/v1/classify/hitl/tasks/${task.id}`;
  expect((await admin.post(`${self}/assign`, { to: 'Kim' })).body).toMatchObject({
    assigned_to: 'Kim',
    status: 'assigned',
  });
  expect((await admin.post(`${self}/review`, { verdict: 'correct' })).status).toBe(422);
  const decided = await admin.post(`${self}/review`, {
    verdict: 'correct',
    canonical: ['HR'],
    note: 'Canteen',
  });
  expect(decided.body).toMatchObject({ status: 'corrected', decided_path: ['HR'], note: 'Canteen' });
  expect((await admin.post(`${self}/review`, { verdict: 'skip' })).status).toBe(409);
  expect((await admin.get(`/api/v1/documents/${unsure.id}`)).body.taxonomy_path).toEqual(['HR']);

  // Used at once, by what says the same; and not any more once it is taken away.
  const same = { text: '구내식당의 점심 메뉴와 영업 시간' };
  const learned = await classify(same);
  expect(learned).toMatchObject({ canonical: ['HR'], hitl: false });
  expect(learned.signals.map(({ kind }: Json) => kind)).toContain('example');
  const [example] = (await admin.get('/api/v1/classify/examples')).body.items;
  expect(example).toMatchObject({ document_id: unsure.id, path: ['HR'], source: 'review' });
  expect((await admin.delete(`/api/v1/classify/examples/${example.id}`)).status).toBe(204);
  expect((await classify(same)).signals.map(({ kind }: Json) => kind)).not.toContain('example');
  const entries = (await admin.get(`/api/v1/admin/audit?target=${self}`)).body.items;
  expect(entries.map(({ after }: Json) => after.verdict ?? after.assigned_to)).toEqual(['correct', 'Kim']);
});

it('does not touch a document again, nor what its sender or a reviewer has said', async () => {
  const before = await service.sql.query('select * from classifications order by document_id');
  const given = await service.sql.query(
    `select * from document_nodes where source <> 'classified' order by 1, 2`,
  );
  await service.sql.query('update classifications set due = true');
  const after = await waitFor('nothing is due that nobody has placed', async () => {
    const rows = await service.sql.query<Json>(
      `select c.document_id, c.due and not exists (
                select from document_nodes a where a.document_id = c.document_id and a.source <> 'classified') as due
         from classifications c order by c.document_id`,
    );
    return rows.every(({ due }) => !due) && rows;
  });
  expect(after.map(({ document_id }) => document_id)).toEqual(
    (before as Json[]).map(({ document_id }) => document_id),
  );
  expect(
    await service.sql.query(`select * from document_nodes where source <> 'classified' order by 1, 2`),
  ).toEqual(given);
  expect(
    (
      await service.sql.query<Json>(
        `select count(*)::int as n from review_tasks group by document_id having count(*) filter (where status in ('open', 'assigned')) > 1`,
      )
    ).length,
  ).toBe(0);
});

it('goes by rules, whose patterns are checked', async () => {
  const { nodes } = (await admin.get('/api/v1/taxonomy/1.0.0/tree')).body;
  const node = nodes.find(({ path }: Json) => path.length === 2 && path[1] === 'Security');
  const self = `/api/v1/taxonomy/nodes/${node.id}/rules`;
  const bad = await admin.put(self, { rules: [{ kind: 'pattern', value: '(?=a)' }] });
  expect(bad.body).toMatchObject({ status: 422, errors: [{ pointer: '/rules/0/value' }] });
  const put = await admin.put(self, { rules: [{ kind: 'pattern', value: 'CVE-\\d+', confidence: 0.95 }] });
  expect(put.body.rules).toEqual([{ kind: 'pattern', value: 'CVE-\\d+', confidence: 0.95 }]);
  const found = await classify({ text: '새 소식: CVE-2024 안내' });
  expect(found.canonical.slice(0, 1)).toEqual(['IT']);
  expect(found.signals.map(({ kind }: Json) => kind)).toContain('rule');
});

it('decides in bulk, each by itself, and reports agreement', async () => {
  const added = await addDocuments(admin, [{ text: '복도 청소 일정표' }, { text: '주차장 이용 안내문' }]);
  for (const { id } of added) await classified(id);
  const tasks = (await waiting()).filter(({ document_id }) => added.some(({ id }) => id === document_id));
  const nowhere = '00000000-0000-4000-8000-000000000000';
  const { body } = await admin.post('/api/v1/classify/hitl/reviews', {
    items: [
      ...tasks.map(({ id }) => ({ task_id: id, verdict: 'approve' })),
      { task_id: nowhere, verdict: 'skip' },
    ],
  });
  expect(body.items.map(({ decided }: Json) => decided)).toEqual([...tasks.map(() => true), false]);
  const report = (await admin.get('/api/v1/admin/classification')).body;
  expect(report.cross_validated.curve).toHaveLength(20);
  const sums = report.nodes.reduce((sum: number, one: Json) => sum + one.approved + one.corrected, 0);
  expect(sums).toBe(tasks.length + 1);
  expect((await service.anonymous.get('/metrics')).text).toMatch(/rag_classify_agreement\{node=/);
});
