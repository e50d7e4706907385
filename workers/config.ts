import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, describeIssues, type Environment, withoutEmpty } from '../src/config.ts';
import { type QueueName, queueNames } from '../src/jobs/job.ts';
import { answerThreshold } from './answer/answer-threshold.ts';
import { readStepBudgets, stepNames } from './answer/steps.ts';
import { unsupportedPolicies } from './answer/unsupported.ts';
import { llmProviderNames } from './llm/llms.ts';
import { readLlmPrices } from './llm/prices.ts';
import { isTimeZone } from './tools/clock.ts';
import { type Rules, readAllowList, readRules } from './tools/policy.ts';
import { readServerSettings, type ServerSettings } from './tools/server-settings.ts';

const whole = (min: number, max: number) =>
  z.coerce.number(`must be a whole number from ${min} to ${max}`).int().min(min).max(max);
const queueList = z
  .string()
  .transform((list) => list.split(',').map((name) => name.trim()))
  .refine(
    (names) => names.every((name) => (queueNames as readonly string[]).includes(name)),
    `must be a list of ${queueNames.join(', ')}`,
  )
  .transform((names) => names as QueueName[]);

/** What only worker processes read: the language model's key never reaches an API process through here. */
export const workerEnvironmentShape = {
  QUEUES: queueList
    .default([...queueNames])
    .describe('Queues this worker takes, separated by commas; unset = all.'),
  WORKER_CONCURRENCY: whole(1, 256).default(4).describe('Jobs of a queue that one worker runs at a time.'),
  WORKER_PROCESSES: whole(1, 64)
    .default(1)
    .describe('Processes that npm run worker keeps running; leave 1 where an orchestrator does that.'),
  WORKER_PORT: whole(0, 65_472)
    .default(0)
    .describe(
      'Port of a worker for /metrics, /health/live and /health/ready; 0 = none. With WORKER_PROCESSES, the first of as many ports.',
    ),
  LLM_PROVIDER: z
    .enum(llmProviderNames, `must be one of ${llmProviderNames.join(', ')}`)
    .default('gemini')
    .describe(
      'Who writes answers: gemini (needs GEMINI_API_KEY), or openai: any server that speaks its chat completions (needs LLM_BASE_URL).',
    ),
  LLM_BASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .optional()
    .describe(
      'openai: address of the server up to its version, e.g. http://localhost:11434/v1 for Ollama, :8000/v1 for vLLM, :8080/v1 for llama.cpp.',
    ),
  LLM_API_KEY: z.string().min(1).optional().describe('openai: key for that server, where it asks for one.'),
  LLM_MODEL: z
    .string()
    .min(1)
    .default('gemini-2.5-flash')
    .describe('Language model for answers; used when its provider is set up.'),
  LLM_FALLBACK_MODEL: z
    .string()
    .min(1)
    .optional()
    .describe('A smaller model of the same provider that writes the answer where LLM_MODEL fails.'),
  LLM_MAX_OUTPUT_TOKENS: whole(16, 65_536)
    .default(1024)
    .describe('Longest text the language model may write for an answer.'),
  LLM_PRICES: z
    .string()
    .refine((list) => readLlmPrices(list) !== undefined, 'must look like model=0.30/2.50,other-model=0/0')
    .default('gemini-2.5-flash=0.30/2.50,gemini-2.5-flash-lite=0.10/0.40,gemini-2.5-pro=1.25/10')
    .describe(
      'USD for a million tokens read and written, by language model; the default is published prices. A model that is not named has no known cost, and budgets keep it from being called.',
    ),
  LLM_BREAKER_SECONDS: whole(0, 3600)
    .default(10)
    .describe(
      'How long a language model that keeps failing is left alone before one call tries it again; each further failure doubles it, up to eight times. 0 = never left alone.',
    ),
  LLM_PATIENCE_SECONDS: whole(0, 3600)
    .default(15)
    .describe(
      'Longest time an answer waits, within its deadline, for a language model over its rate limit that says when to come back.',
    ),
  STEP_BUDGETS: z
    .string()
    .refine(
      (list) => readStepBudgets(list) !== undefined,
      `must look like retrieve=800,compose=4000 with names of ${stepNames.join(', ')} and 1 to 600000 ms`,
    )
    .default('intent=100,retrieve=600,plan=400,tools_debate=400,compose=2200,cite=200,respond=100')
    .describe(
      'What each step of an answer may take, milliseconds; those not named keep their default. A step over budget degrades.',
    ),
  COMPOSE_BUDGET_MS: whole(100, 600_000)
    .optional()
    .describe(
      'Time the language model has for an answer where that is not the compose step of STEP_BUDGETS: for a slow model.',
    ),
  PLAN_MODEL_BUDGET_MS: whole(0, 600_000)
    .default(800)
    .describe(
      'With meta_planner: time the language model has to plan a question that is not simple, beside the plan step of STEP_BUDGETS, in which sub-questions are searched; 0 = rules alone plan.',
    ),
  DEBATE_BUDGET_MS: whole(2000, 600_000)
    .default(10_000)
    .describe(
      'With debate_mode: time the two rounds and the synthesis have together, and the single answer that is asked for where they fail.',
    ),
  ANSWER_CACHE_TTL_SECONDS: whole(0, 86_400)
    .default(600)
    .describe(
      'How long an answer may be given again to the same question on an unchanged corpus, to keys with the same rights; 0 = off.',
    ),
  ANSWER_CACHE_ENTRIES: whole(1, 10_000_000)
    .default(10_000)
    .describe('Answers that are kept to be given again; the oldest go first, within a minute.'),
  CASE_CONFIDENCE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe(
      'Confidence from which an answer becomes a case without anybody rating it (neural_case_selector).',
    ),
  CASE_BANK_SIZE: whole(1, 1_000_000)
    .default(10_000)
    .describe('Cases that are kept of a key; the longest unused are archived.'),
  CASE_UNUSED_DAYS: whole(1, 3650).default(90).describe('After so long without use a case is archived.'),
  CASE_ARCHIVE_DAYS: whole(1, 3650)
    .default(30)
    .describe('How long archived cases can be restored; then they are deleted.'),
  RAW_OUTPUT_HOURS: whole(0, 24 * 365)
    .default(24 * 7)
    .describe(
      'How long what the language model wrote is kept with the record of its answer, masked as questions are; 0 = not at all.',
    ),
  ABSTAIN_BELOW: z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1)
    .default(answerThreshold)
    .describe(
      'Confidence below which no answer is given, unless the request has abstain_below; 0 = always answer.',
    ),
  UNSUPPORTED_SENTENCES: z
    .enum(unsupportedPolicies, `must be ${unsupportedPolicies.join(' or ')}`)
    .default('drop')
    .describe(
      'What becomes of sentences of a language model that no source carries: drop, or mark (unsupported_spans), unless the request has unsupported_sentences.',
    ),
  MCP_SERVERS: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Tool servers (MCP), as JSON or the path of a JSON file: {"name": {"command": "…", "args": ["…"], "env": ["NAME"]}} or {"name": {"url": "…", "headers": {"Authorization": "NAME"}}}, where NAME is an environment variable that holds the value.',
    ),
  TOOL_WHITELIST: z
    .string()
    .refine(
      (list) => readAllowList(list) !== undefined,
      'must look like server.tool,server.*,server.tool@write',
    )
    .default('')
    .describe(
      'Tools that answers may call, separated by commas: server.tool, or server.* for all of a server, with @write or @admin for keys of that scope on; empty = in development the built-in ones, in production none once tools_policy is on.',
    ),
  TOOL_RULES: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Rules for arguments of tools, as JSON or the path of a JSON file, in force with tools_policy: {"server.tool": {"max_length": 200, "deny": ["regular expression"], "schema": {JSON schema}}}.',
    ),
  TOOL_TIMEOUT_MS: whole(50, 600_000)
    .default(2000)
    .describe('What all tool calls of an answer may take together, connecting included.'),
  TOOL_RESULT_BYTES: whole(1024, 100_000_000)
    .default(1_000_000)
    .describe('Most that is read of one reply of a tool server; a longer one is dropped while it is read.'),
  TOOL_CALLS_PER_ANSWER: whole(1, 100).default(4).describe('Tools that one answer may call.'),
  TOOL_CALLS_PER_DAY: whole(1, 10_000_000)
    .default(1000)
    .describe('Tools that answers of one key may call in a day (UTC), with tools_policy.'),
  TOOL_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'must be a time zone like Asia/Seoul')
    .default('UTC')
    .describe('Time zone in which questions for the date or time are answered.'),
  CLASSIFY_ASK_BELOW: z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1)
    .default(0.8)
    .describe(
      'Confidence below which a language model, where one is set up, is asked which node a stored document belongs to; 0 = never.',
    ),
  CLASSIFY_ASK_MS: whole(100, 60_000)
    .default(10_000)
    .describe('Time that language model has for one document; later, what words and meaning say stands.'),
  CHUNK_TOKENS: whole(50, 4000).default(500).describe('Length of a chunk, in tokens.'),
  CHUNK_OVERLAP_TOKENS: whole(0, 2000).default(128).describe('What neighbouring chunks share, in tokens.'),
  URL_TIMEOUT_SECONDS: whole(1, 540)
    .default(60)
    .describe('Longest time one URL may take to be fetched, its redirects and robots.txt included.'),
  URL_USER_AGENT: z
    .string()
    .regex(
      /^[A-Za-z_-]+(\/[\x21-\x7e]+)?( [\x20-\x7e]+)?$/,
      'must look like Name/1.0 (+https://example.org/bot)',
    )
    .optional()
    .describe(
      'Who we say we are; robots.txt knows us by what stands before the slash. Unset = DT-RAG/VERSION.',
    ),
  WEBHOOK_TIMEOUT_SECONDS: whole(1, 60)
    .default(15)
    .describe('Longest time a receiver of webhooks may take to answer.'),
  WEBHOOK_DISABLE_DAYS: whole(1, 90)
    .default(3)
    .describe('A registered webhook is disabled when for so many days nothing could be delivered to it.'),
  WEBHOOK_KEEP_DAYS: whole(2, 3650)
    .default(30)
    .describe('How long ended webhook deliveries can be looked at and be delivered again.'),
  PARSE_TIMEOUT_SECONDS: whole(1, 3600).default(60).describe('Longest time one file may take to be read.'),
  PARSE_MEMORY_MB: whole(128, 16_384)
    .default(400)
    .describe('Most memory the process that reads files may take.'),
  OCR: z
    .enum(['true', 'false', '1', '0'], 'must be true or false')
    .transform((value) => value === 'true' || value === '1')
    .default(false)
    .describe(
      'Recognises Korean and English text in pictures and scanned pages; takes seconds a page, so PARSE_TIMEOUT_SECONDS may have to grow.',
    ),
  PARSE_PROCESSES: whole(1, 64).default(1).describe('Files read at the same time by one worker.'),
  PARSE_TOTAL_MEMORY_MB: whole(128, 1_048_576)
    .default(1600)
    .describe(
      'What the limits of all processes that read files may come to, for one worker: further files wait. One is always read.',
    ),
  MAX_DOCUMENT_CHARACTERS: whole(10_000, 1_000_000_000)
    .default(200_000_000)
    .describe('Longest text of a document; a file of 100 MB has 100 million characters at most.'),
};

const schema = z
  .object(workerEnvironmentShape)
  .refine((values) => values.CHUNK_OVERLAP_TOKENS < values.CHUNK_TOKENS, {
    error: 'must be smaller than CHUNK_TOKENS',
    path: ['CHUNK_OVERLAP_TOKENS'],
  })
  .refine((values) => values.LLM_PROVIDER !== 'openai' || values.LLM_BASE_URL !== undefined, {
    error: 'must be set when LLM_PROVIDER=openai: the address of the server',
    path: ['LLM_BASE_URL'],
  });
export type WorkerConfig = z.output<typeof schema> & {
  /** What MCP_SERVERS says. */
  mcpServers: ServerSettings[];
  /** What TOOL_RULES says. */
  toolRules: Rules;
};

/** Throws ConfigError with every problem at once. */
export function readWorkerConfig(environment: Environment = process.env): WorkerConfig {
  const parsed = schema.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigError(describeIssues(parsed.error));
  const { MCP_SERVERS, TOOL_RULES } = parsed.data;
  return {
    ...parsed.data,
    mcpServers: readJson('MCP_SERVERS', MCP_SERVERS, (text) => readServerSettings(text, environment)) ?? [],
    toolRules: readJson('TOOL_RULES', TOOL_RULES, readRules) ?? {},
  };
}

function readJson<T>(name: string, value: string | undefined, read: (text: string) => T): T | undefined {
  if (value === undefined) return undefined;
  try {
    return read(value.trim().startsWith('{') ? value : readFileSync(value, 'utf8'));
  } catch (error) {
    throw new ConfigError([`${name} can't be used: ${(error as Error).message}`]);
  }
}

/** This process' own environment with some variables set anew, for a child that does the same work. */
export function environmentWith(changes: Environment): Environment {
  return { ...process.env, ...changes };
}
