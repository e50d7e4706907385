import type { Step } from './steps.ts';

/** What can be told of an answer while it is being written, in the order in which it happens. */
export type Progress =
  | { type: 'step'; data: Step }
  /** Whose text the answer will be made of: told to nobody, but what is drafted from a document goes with it. */
  | { type: 'passages'; data: { documentIds: string[] } }
  /** A piece of text as the model writes it, not yet held against the sources; all pieces together are the draft. */
  | { type: 'delta'; data: { text: string } }
  /** What was told as draft is void: another try begins anew, or the answer is taken from the sources instead. */
  | { type: 'restart'; data: { reason: string } };

/** Never throws and never waits: telling can't delay or fail an answer. */
export type Report = (progress: Progress) => void;
