import { styleText } from 'node:util';
import type { AnswerResource } from './client.ts';
import { wrap } from './text.ts';

type Format = Parameters<typeof styleText>[0];

export function say(line = ''): void {
  console.log(line);
}

/** The text in colour where the terminal shows it (it also knows NO_COLOR), else as it is. */
export function paint(format: Format, text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(format, text) : text;
}

export function heading(text: string): void {
  say();
  say(paint('bold', text));
}

/** Prints the text wrapped to the terminal, each line after `indent` columns. */
export function paragraph(text: string, indent: number, format?: Format): void {
  const columns = Math.max(20, Math.min(process.stdout.columns ?? 100, 100) - indent);
  for (const line of wrap(text, columns)) {
    say(' '.repeat(indent) + (format === undefined ? line : paint(format, line)));
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function printAnswer(answer: AnswerResource, ms: number): void {
  if (answer.status !== 'completed') {
    paragraph(`No answer: ${answer.error?.detail ?? answer.status}`, 5, 'red');
  } else if (answer.abstained) {
    paragraph('Abstained: the documents do not answer this.', 5, 'yellow');
    if (answer.answer) paragraph(answer.answer, 5);
  } else {
    paragraph(answer.answer ?? '', 5, 'green');
  }
  for (const source of answer.sources ?? []) printSource(source);
  const facts = [`${seconds(ms)}`];
  if (answer.confidence != null) facts.unshift(`confidence ${answer.confidence.toFixed(2)}`);
  if (answer.model) facts.push(`model ${answer.model}`);
  if (answer.degraded) facts.push(`degraded: ${answer.degraded}`);
  paragraph(facts.join(', '), 5, 'dim');
}

function printSource(source: NonNullable<AnswerResource['sources']>[number]): void {
  const page = source.page === null ? '' : `page ${source.page}, `;
  const [start, end] = source.char_range;
  const mark = source.verified ? paint('green', '✓ verified') : paint('red', '✗ not verified');
  paragraph(`[${source.n}] ${source.title ?? 'untitled'}`, 5, 'cyan');
  say(`         ${page}characters ${start}–${end}, ${mark}`);
  paragraph(`“${source.quote}”`, 9, 'dim');
}
