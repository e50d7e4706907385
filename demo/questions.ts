import { ask, type Service } from './client.ts';
import type { Question } from './corpus.ts';
import { judgeAnswer } from './judge.ts';
import { paint, paragraph, printAnswer, say } from './print.ts';

export interface Asked {
  /** What fell short, in words; empty when every answer was as expected. */
  shortfalls: string[];
  /** `Date.now()` when the first answer with a verified source stood; null when none did. */
  firstCitedAt: number | null;
}

/** Asks one question after the other and prints what came back, with what fell short under each. */
export async function askAll(service: Service, questions: Question[]): Promise<Asked> {
  const asked: Asked = { shortfalls: [], firstCitedAt: null };
  for (const [index, question] of questions.entries()) {
    const label = `Question ${index + 1} of ${questions.length}`;
    say();
    say(paint('dim', label));
    paragraph(question.question, 2, 'bold');
    const shortfalls = await askOne(service, question, asked);
    for (const shortfall of shortfalls) paragraph(`Fell short: ${shortfall}`, 5, 'red');
    asked.shortfalls.push(...shortfalls.map((shortfall) => `${label}: ${shortfall}`));
  }
  return asked;
}

async function askOne(service: Service, question: Question, asked: Asked): Promise<string[]> {
  const startedAt = Date.now();
  try {
    const answer = await ask(service, question.question);
    if (!answer.abstained && answer.sources?.some(({ verified }) => verified))
      asked.firstCitedAt ??= Date.now();
    printAnswer(answer, Date.now() - startedAt);
    return judgeAnswer(question, answer);
  } catch (error) {
    // One failed question is reported like any other shortfall, so that the rest is still asked; Ctrl-C is not.
    service.signal.throwIfAborted();
    return [error instanceof Error ? error.message : String(error)];
  }
}
