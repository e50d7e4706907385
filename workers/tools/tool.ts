/** What went wrong with a call of a tool. */
export const toolFaults = [
  'bad_arguments',
  'bad_output',
  'budget',
  'denied',
  'empty',
  'failed',
  'timeout',
  'too_large',
  'unavailable',
  'unknown_tool',
] as const;
export type ToolFaultCode = (typeof toolFaults)[number];

/** `message` is a sentence of ours: what a server says of its failures stays with it. */
export class ToolFault extends Error {
  readonly code: ToolFaultCode;

  constructor(code: ToolFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ToolFault';
    this.code = code;
  }
}

export type Arguments = Record<string, unknown>;

export interface ToolResult {
  /** What the tool says, as it came: a stranger's text. */
  text: string;
  /** Of the text in UTF-8, before it is cut. */
  bytes: number;
}

export interface Tool {
  /** `server.tool` */
  name: string;
  server: string;
  description: string;
  /** JSON schema of its arguments. */
  inputSchema: Record<string, unknown>;
  /** What is wrong with the arguments, in a sentence; null when nothing is. */
  check(given: Arguments): string | null;
  /** Throws ToolFault; the signal's reason once it fires. */
  call(given: Arguments, options: { timeoutMs: number; signal: AbortSignal }): Promise<ToolResult>;
}

/** Ours: harmless, without any connection. */
export const builtinServer = 'builtin';
