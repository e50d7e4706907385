/** A small handbook in two languages that questions can be asked of. */
export const handbook = [
  {
    external_id: 'remote-work',
    title: 'Remote work policy',
    text: 'Remote work policy. Employees may work from home up to three days a week. 🏠 The team lead approves the days. Remote days must be entered in the calendar by Friday noon. Laptops must be encrypted when they leave the office.',
    taxonomy_path: ['HR', 'Remote'],
  },
  {
    external_id: 'expenses',
    title: 'Travel expenses',
    text: 'Travel expenses. Receipts must be handed in within 30 days after the trip. The daily allowance for meals is 45 euros. Taxi rides need a reason on the receipt. First-class tickets are not reimbursed.',
    taxonomy_path: ['Finance', 'Travel'],
  },
  {
    external_id: 'warehouse',
    title: 'Warehouse safety',
    text: 'Warehouse safety. Forklifts may drive at most 10 kilometres per hour in the hall. Visitors wear a yellow vest and are accompanied at all times. The emergency exits must be kept clear.',
    taxonomy_path: ['Operations'],
  },
  {
    external_id: 'leave-ko',
    title: '휴가 규정',
    text: '휴가 규정. 연차 휴가는 입사 1년 후부터 매년 15일이 부여된다. 사용하지 않은 연차는 다음 해 3월까지 이월할 수 있다. 경조 휴가는 결혼 시 5일을 사용할 수 있다. 😀 병가는 진단서를 제출해야 한다.',
    taxonomy_path: ['HR', 'Leave'],
  },
  {
    external_id: 'security-ko',
    title: '보안 지침',
    text: '보안 지침. 노트북을 분실하면 2시간 이내에 보안팀에 신고해야 한다. 비밀번호는 90일마다 변경한다. 외부 저장 장치는 승인 없이 연결할 수 없다.',
    taxonomy_path: ['IT', 'Security'],
  },
];
