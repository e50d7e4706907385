import { ToolFault } from './tool.ts';

/** Nested deeper, or longer, nothing is computed. */
const deepest = 50;
export const longestExpression = 300;

/** Significant digits that are shown: what doubles hold without their last, inexact ones. */
const digits = 12;

type Token = number | '+' | '-' | '*' | '/' | '%' | '^' | '(' | ')';

/**
 * The value of an arithmetic expression: numbers with `.` as decimal point, `+ - * / ^`, `%` after a number (a hundredth of
 * it), parentheses. Precedence as in school, `^` binds to the right, `-2^2` is −4. Throws ToolFault `bad_arguments` for
 * anything else and where doubles would not be exact enough: beyond 2⁵³, division by zero.
 */
export function calculate(expression: string): number {
  if (expression.length > longestExpression)
    throw bad(`the expression has more than ${longestExpression} characters`);
  const parser = new Parser(tokenise(expression));
  const value = parser.sum(0);
  parser.end();
  return exact(value);
}

/** As it is read: 0.1 + 0.2 is 0.3. */
export function showNumber(value: number): string {
  const shown = Number(value.toPrecision(digits));
  return Number.isInteger(value) ? String(value) : String(shown);
}

function tokenise(expression: string): Token[] {
  const tokens: Token[] = [];
  const token = /\s*(?:(\d+(?:\.\d+)?|\.\d+)|([-+*/%^()]))/y;
  const text = expression.trim();
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const [, number, operator] = token.exec(text) ?? [];
    if (number === undefined && operator === undefined)
      throw bad(`"${text.slice(at, at + 10).trim()}" is no number and no operator`);
    tokens.push(number === undefined ? (operator as Token) : Number(number));
  }
  return tokens;
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw bad(`"${this.#tokens[this.#at]}" stands where it should end`);
  }

  sum(depth: number): number {
    let value = this.#product(depth);
    for (let sign = this.#take('+', '-'); sign; sign = this.#take('+', '-')) {
      const next = this.#product(depth);
      value = exact(sign === '+' ? value + next : value - next);
    }
    return value;
  }

  #product(depth: number): number {
    let value = this.#signed(depth);
    for (let sign = this.#take('*', '/'); sign; sign = this.#take('*', '/')) {
      const next = this.#signed(depth);
      if (sign === '/' && next === 0) throw bad('it divides by zero');
      value = exact(sign === '*' ? value * next : value / next);
    }
    return value;
  }

  #signed(depth: number): number {
    if (depth > deepest) throw bad(`it is nested deeper than ${deepest}`);
    const sign = this.#take('+', '-');
    if (!sign) return this.#power(depth);
    return sign === '-' ? -this.#signed(depth + 1) : this.#signed(depth + 1);
  }

  #power(depth: number): number {
    const base = this.#percent(depth);
    return this.#take('^') ? exact(base ** this.#signed(depth + 1)) : base;
  }

  #percent(depth: number): number {
    let value = this.#atom(depth);
    while (this.#take('%')) value /= 100;
    return value;
  }

  #atom(depth: number): number {
    const token = this.#tokens[this.#at];
    if (typeof token === 'number') {
      this.#at += 1;
      return exact(token);
    }
    if (!this.#take('(')) throw bad(token === undefined ? 'it ends too early' : `"${token}" needs a number`);
    const value = this.sum(depth + 1);
    if (!this.#take(')')) throw bad('a parenthesis is not closed');
    return value;
  }

  #take(...wanted: Token[]): Token | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    this.#at += 1;
    return token;
  }
}

function exact(value: number): number {
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw bad('a number in it is larger than can be computed exactly');
}

function bad(problem: string): ToolFault {
  return new ToolFault('bad_arguments', `The expression can't be computed: ${problem}.`);
}
