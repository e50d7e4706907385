import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../random.ts';

export interface Content {
  text: string;
  metadata: { owner: string; group: number; edition: number };
}

/** A document as its only writer knows it. */
export interface Known {
  id: string;
  version: number;
  /** By version. */
  history: Map<number, Content>;
}

/** Versions whose content can be restored: below the default of VERSIONS_KEPT. */
const restorable = 8;

export type Step =
  | { kind: 'put'; name: string; content: Content }
  | { kind: 'restore'; name: string; n: number }
  | { kind: 'delete'; name: string; by: 'id' | 'external_id' }
  | { kind: 'delete-many'; group: number }
  | { kind: 'contest'; name: string; content: Content | undefined };

/** Names that every client writes to. */
export const contested = 'contested-';

/** What one client did to its own documents, and so what must be there. */
export class Model {
  readonly owner: string;
  readonly documents = new Map<string, Known>();
  /** What is not as it must be, a sentence each. */
  readonly wrong: string[] = [];
  #random: Random;
  #next = 0;

  constructor(owner: string, random: Random) {
    this.owner = owner;
    this.#random = random;
  }

  plan(): Step {
    const { int, next, pick } = this.#random;
    const names = [...this.documents.keys()];
    const dice = next();
    if (names.length < 3 || (dice < 0.25 && names.length < 15)) return this.#add();
    const name = pick(names);
    const { version, history } = this.documents.get(name) as Known;
    const content = history.get(version) as Content;
    if (dice < 0.5) return this.#put(name, content.metadata.group, this.#text());
    if (dice < 0.6) return this.#put(name, content.metadata.group, content.text);
    if (dice < 0.68) return { kind: 'put', name, content };
    if (dice < 0.84)
      return { kind: 'restore', name, n: Math.max(1, version - int(Math.min(version, restorable))) };
    if (dice < 0.93) return { kind: 'delete', name, by: pick(['id', 'external_id'] as const) };
    if (dice < 0.97) return this.#contest();
    return { kind: 'delete-many', group: int(5) };
  }

  #add(): Step {
    return this.#put(`${this.owner}-${this.#next++}`, this.#random.int(5), this.#text());
  }

  #contest(): Step {
    const name = `${contested}${this.#random.int(3)}`;
    if (this.#random.int(3) === 0) return { kind: 'contest', name, content: undefined };
    const metadata = { owner: 'all', group: 0, edition: this.#random.int(3) };
    return { kind: 'contest', name, content: { text: this.#text(), metadata } };
  }

  /** The group of a name never changes: which documents a filter means must not depend on how far one got. */
  #put(name: string, group: number, text: string): Step {
    const metadata = { owner: this.owner, group, edition: this.#random.int(1_000_000) };
    return { kind: 'put', name, content: { text, metadata } };
  }

  /** Of few enough that texts come again, in other versions and other documents. */
  #text(): string {
    const [ship, port] = [this.#random.int(40), this.#random.int(40)];
    return `Ship ${ship} has called at port ${port} and taken on ${ship * port} barrels of water.`;
  }

  /** A reply that says which version has the content now. */
  written(name: string, content: Content, body: { id: string; version: number }, created: boolean): void {
    const known = this.documents.get(name);
    if (!known) {
      if (body.version !== 1) this.wrong.push(`${name} is new and has version ${body.version}`);
      this.documents.set(name, {
        id: body.id,
        version: body.version,
        history: new Map([[body.version, content]]),
      });
      return;
    }
    const same = isDeepStrictEqual(known.history.get(known.version), content);
    const expected = same ? known.version : known.version + 1;
    if (body.id !== known.id || body.version !== expected)
      this.wrong.push(`${name} became ${body.id} ${body.version} instead of ${known.id} ${expected}`);
    if (same && created) this.wrong.push(`${name} was accepted though nothing is new in it`);
    known.version = body.version;
    known.history.set(body.version, content);
  }

  groupOf(group: number): string[] {
    return [...this.documents].flatMap(([name, { version, history }]) =>
      history.get(version)?.metadata.group === group ? [name] : [],
    );
  }
}
