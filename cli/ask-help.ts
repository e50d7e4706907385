/** Printed below the options of `dt-rag ask --help`. */
export const askHelp = `
Examples:
  dt-rag ask "How many days of leave do I have in my first year?"
  dt-rag ask --mode keypoints --taxonomy HR/Leave "What changed in 2025?"
  dt-rag ask --json "…" | jq .sources

Exit codes: 0 answered, 1 failed, cancelled or expired, 2 misuse, 3 abstained (the documents do not answer it), 130 interrupted.

질문에 문서를 근거로 답하고, 끝에 출처를 보여 줍니다.
  dt-rag ask "첫해 연차는 며칠인가요?"
  dt-rag ask --mode summary --taxonomy 인사/휴가 "2025년에 무엇이 바뀌었나요?"

종료 코드: 0 답함, 1 실패·취소·기한 초과, 2 잘못된 사용, 3 답하지 않음(문서에 답이 없음), 130 중단.
`;
