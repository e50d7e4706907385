import { z } from 'zod';
import { ConfigError, describeIssues, type Environment, withoutEmpty } from '../src/config.ts';
import { type QueueName, queueNames } from '../src/jobs/job.ts';

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
  LLM_MODEL: z
    .string()
    .min(1)
    .default('gemini-2.5-flash')
    .describe('Language model for answers; used when GEMINI_API_KEY is set.'),
  LLM_MAX_OUTPUT_TOKENS: whole(16, 65_536)
    .default(1024)
    .describe('Longest text the language model may write for an answer.'),
  COMPOSE_BUDGET_MS: whole(100, 600_000)
    .default(2200)
    .describe('Time the language model has for an answer before it is composed from the sources alone.'),
  ANSWER_CACHE_TTL_SECONDS: whole(0, 86_400)
    .default(600)
    .describe(
      'How long an answer may be given again to the same question on an unchanged corpus, to keys with the same rights; 0 = off.',
    ),
  ANSWER_CACHE_ENTRIES: whole(1, 10_000_000)
    .default(10_000)
    .describe('Answers that are kept to be given again; the oldest go first, within a minute.'),
  RAW_OUTPUT_HOURS: whole(0, 24 * 365)
    .default(24 * 7)
    .describe(
      'How long what the language model wrote is kept with the record of its answer, masked as questions are; 0 = not at all.',
    ),
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
  });
export type WorkerConfig = z.output<typeof schema>;

/** Throws ConfigError with every problem at once. */
export function readWorkerConfig(environment: Environment = process.env): WorkerConfig {
  const parsed = schema.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigError(describeIssues(parsed.error));
  return parsed.data;
}

/** This process' own environment with some variables set anew, for a child that does the same work. */
export function environmentWith(changes: Environment): Environment {
  return { ...process.env, ...changes };
}
