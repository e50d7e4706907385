import { z } from 'zod';
import { flagKeys } from './flags.ts';
import { policyNames } from './learning/policies.ts';
import { readPrices } from './models/prices.ts';
import { chunkContexts } from './text/passage-text.ts';
import { piiPolicies } from './text/pii/mask.ts';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** `postgresql+asyncpg://` is what SQLAlchemy users have in their files: the same database, another driver. */
const databaseUrl = z
  .string()
  .transform((url) => url.replace(/^postgresql\+\w+:/, 'postgresql:'))
  .refine(
    (url) => /^postgres(ql)?:\/\/[^/]+\/.+/.test(url) && URL.canParse(url),
    'must look like postgresql://user:password@host:5432/database',
  );
const redisUrl = z
  .string()
  .refine(
    (url) => /^redis(s|\+sentinel|\+cluster)?:\/\/[^/]+/.test(url),
    'must look like redis://host:6379, redis+sentinel://host:26379,host:26379/master or redis+cluster://host:6379,host:6379',
  );
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
const whole = (min: number, max: number) =>
  z.coerce
    .number(`must be a whole number from ${min} to ${max}`)
    .int('must be a whole number')
    .min(min)
    .max(max);
const flag = z
  .enum(['true', 'false', '1', '0'], 'must be true or false')
  .transform((v) => v === 'true' || v === '1');
const hostPattern = /^(\*\.)?[^\s*/:@]+$|^\[[\da-f:.]+\]$/;
const splitHosts = (list: string) =>
  list
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== '');

/**
 * Every variable that every process reads, with its default and one sentence; `.env.example` is checked against it.
 * What only workers read (the language model) is in workers/config.ts.
 */
export const environmentShape = {
  PORT: whole(0, 65535).default(8000).describe('Port of the API; 0 takes a free one.'),
  HOST: z.string().default('127.0.0.1').describe('Address the API listens on; the image sets 0.0.0.0.'),
  ENVIRONMENT: z
    .enum(['development', 'testing', 'staging', 'production'])
    .default('development')
    .describe('production refuses to start an API with missing or weak secrets.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./.data')
    .describe('Embedded tier: the database and generated secrets live here.'),
  DATABASE_URL: databaseUrl.optional().describe('Postgres with pgvector; unset = embedded tier.'),
  REDIS_URL: redisUrl.optional().describe('Redis for the queues; unset = the queues live in Postgres.'),
  QUEUE_PREFIX: z
    .string()
    .regex(/^[\w-]{1,60}$/, 'must be letters, digits, _ and - only')
    .default('dt-rag')
    .describe('First part of every key in Redis; installations that share a Redis need one each.'),
  SECRET_KEY: z
    .string()
    .optional()
    .describe(
      'Keys the hashes of API keys and seals the secrets of webhooks; at least 32 characters. The API needs it, and workers that send webhooks. Embedded: made at first start.',
    ),
  ADMIN_API_KEY: z
    .string()
    .optional()
    .describe('An admin key from the environment. Embedded: made at first start and printed once.'),
  LOG_LEVEL: z.enum(logLevels).default('info').describe('pino level.'),
  DB_POOL_SIZE: whole(1, 500).default(10).describe('Connections of this process to the database.'),
  DB_MAX_OVERFLOW: whole(0, 500).default(5).describe('Connections beyond DB_POOL_SIZE at peaks.'),
  EMBEDDING_PROVIDER: z
    .enum(['local', 'gemini'])
    .default('local')
    .describe('Which embedding model reads chunks and questions.'),
  EMBEDDING_MODEL_DIR: z
    .string()
    .optional()
    .describe('local: a folder with an ONNX sentence-transformer; unset = the carried all-MiniLM-L6-v2.'),
  EMBEDDING_MODEL: z.string().default('gemini-embedding-001').describe('gemini: the embedding model.'),
  EMBEDDING_DIMENSIONS: whole(64, 3072).default(768).describe('gemini: length of the vectors.'),
  EMBEDDING_PRICES: z
    .string()
    .refine((list) => readPrices(list) !== undefined, 'must look like model=0.15,other-model=0.02')
    .default('gemini-embedding-001=0.15')
    .describe(
      'USD for a million tokens by embedding model, for estimates; the default is its published price.',
    ),
  CHUNK_CONTEXT: z
    .enum(chunkContexts)
    .default('headings')
    .describe(
      'What is embedded before a chunk: its document title and headings, the title alone, or nothing (off). Holds for vectors made from then on.',
    ),
  GEMINI_API_KEY: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Key for Gemini: answers, embeddings when EMBEDDING_PROVIDER=gemini or a generation of it is kept, and reranking when RERANKER=gemini.',
    ),
  GEMINI_BASE_URL: httpUrl
    .optional()
    .describe('Another address that speaks the Gemini protocol (a proxy, a stand-in).'),
  RERANKER: z
    .enum(['off', 'gemini', 'local'])
    .default('off')
    .describe('Who puts the best passages of a search into their final order.'),
  RERANKER_MODEL_DIR: z
    .string()
    .optional()
    .describe('local: a folder with a cross-encoder: model*.onnx and tokenizer.json.'),
  RERANKER_MODEL: z
    .string()
    .default('gemini-2.5-flash-lite')
    .describe('gemini: the language model that grades passages.'),
  RERANK_TOP: whole(2, 100).default(20).describe('How many of the best passages the reranker is shown.'),
  RERANK_BUDGET_MS: whole(20, 60_000)
    .default(1500)
    .describe('Time the reranker has for a search before the order without it stands, milliseconds.'),
  BM25_K1: z.coerce
    .number('must be a number from 0 to 10')
    .min(0)
    .max(10)
    .default(1.2)
    .describe(
      'Keyword search: how soon further occurrences of a word stop to count; 0 = the first alone counts.',
    ),
  BM25_B: z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1)
    .default(0.75)
    .describe('Keyword search: how far long chunks are marked down, from 0 (not at all) to 1.'),
  FLAG_PROVIDER: z
    .enum(['stored', 'ofrep'])
    .default('stored')
    .describe(
      'Who decides the flags: the values stored here, or a server of the OpenFeature Remote Evaluation Protocol such as flagd. A kill stands either way.',
    ),
  FLAG_PROVIDER_URL: httpUrl
    .optional()
    .describe(
      'ofrep: the address of that server, up to /ofrep. It is told X-Rollout-Id, or the id of the key.',
    ),
  FLAG_PROVIDER_TOKEN: z.string().min(1).optional().describe('ofrep: sent as Authorization: Bearer.'),
  VECTOR_INDEX_FROM: whole(0, 1_000_000_000)
    .optional()
    .describe(
      'Vectors of a model beyond which they get an index; up to there search looks at all. Unset = 20000, embedded: never, since nothing else runs there meanwhile.',
    ),
  CASE_LOOKUP_MS: whole(1, 10_000)
    .default(100)
    .describe('How long a search may look for cases (neural_case_selector); then it goes on without.'),
  VERSIONS_KEPT: whole(1, 100_000)
    .default(10)
    .describe(
      'Newest versions of a document whose text and bytes are kept, to be read and restored; of older ones only what was said of them. The live one always is.',
    ),
  MAX_UPLOAD_MB: whole(1, 1000).default(50).describe('Largest file accepted.'),
  URL_INGESTION: z
    .enum(['on', 'off'], 'must be on or off')
    .default('on')
    .describe('Whether documents may be given as a URL, which a worker fetches.'),
  URL_ALLOW: z
    .string()
    .default('')
    .transform(splitHosts)
    .refine(
      (hosts) => hosts.every((host) => hostPattern.test(host)),
      'must look like example.org,*.example.org',
    )
    .describe(
      'Hosts that URLs may be fetched from, separated by commas; *.example.org = all below it. Unset = any.',
    ),
  URL_PRIVATE_ADDRESSES: z
    .enum(['refuse', 'allow'], 'must be refuse or allow')
    .default('refuse')
    .describe(
      'allow: URLs may also lead to loopback, private and carrier addresses (an intranet). Link-local and metadata ones never.',
    ),
  WEBHOOK_PRIVATE_ADDRESSES: z
    .enum(['refuse', 'allow'], 'must be refuse or allow')
    .default('refuse')
    .describe(
      'allow: webhooks may also go to loopback, private and carrier addresses, and over http. Link-local and metadata ones never.',
    ),
  QUEUE_LIMIT: whole(1, 10_000_000)
    .default(100_000)
    .describe('Waiting jobs of a queue beyond which work is refused with 429.'),
  STREAM_PATIENCE_SECONDS: whole(0, 3600)
    .default(30)
    .describe('How long a streamed batch waits for room in a full queue before it is cut off with 429.'),
  ANSWER_TTL_HOURS: whole(1, 24 * 365)
    .default(24 * 7)
    .describe('How long a finished answer is kept.'),
  ANSWER_EVENTS_MINUTES: whole(1, 60 * 24 * 365)
    .default(60)
    .describe('How long after its end the events of an answer can still be read.'),
  ANSWER_DEADLINE_MS: whole(100, 3_600_000)
    .default(60_000)
    .describe('Time an answer has when the request sets no deadline_ms.'),
  LLM_DAILY_BUDGET_USD: z.coerce
    .number('must be a number of US dollars')
    .positive('must be more than 0')
    .max(1_000_000)
    .optional()
    .describe(
      'What language models may cost in a day (UTC), by LLM_PRICES; beyond it questions are refused with 402. Unset = no limit.',
    ),
  QUERY_CACHE_TTL_SECONDS: whole(0, 86_400)
    .default(600)
    .describe('How long a search result may be reused on an unchanged corpus; 0 = off.'),
  SCOPE_CACHE_MB: whole(0, 16_384)
    .default(64)
    .describe(
      'Memory of a process for which chunks pass which filters, believed while corpus and taxonomy are unchanged: a bit for each chunk of the corpus and filter; 0 = off.',
    ),
  EXPERIENCE_BUFFER_SIZE: whole(100, 10_000_000)
    .default(10_000)
    .describe('Newest experiences that policies learn from; older ones go.'),
  LEARNING_POLICY: z
    .enum(policyNames, `must be one of ${policyNames.join(', ')}`)
    .default('thompson')
    .describe('What learns from experiences, and decides retrieval where the flag soft_q_bandit is on.'),
  AUTO_CREATE_TAXONOMY: flag
    .default(true)
    .describe("Creates a document's taxonomy path when it does not exist yet."),
  TAXONOMY_DEPTH: whole(1, 20).default(20).describe('Most labels of a taxonomy path that an edit may make.'),
  CLASSIFY_DOCUMENTS: flag
    .default(true)
    .describe(
      'Puts documents that come without a taxonomy path at nodes of the taxonomy, once two nodes have three examples, a description or a rule.',
    ),
  CLASSIFY_THRESHOLD: z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Confidence below which a person decides where a document belongs.'),
  PII_POLICY: z
    .enum(piiPolicies, 'must be off, mask or reject')
    .default('mask')
    .describe(
      'Personal data in documents that do not say otherwise: off keeps it, mask puts placeholders, reject refuses the document. Questions and comments are masked unless off.',
    ),
  METRICS_TOKEN: z
    .string()
    .min(8, 'must have at least 8 characters')
    .optional()
    .describe('Asks /metrics for this Bearer token.'),
  KEY_BURST: whole(1, 100_000)
    .default(50)
    .describe(
      'Requests a second that an API key may make which sets no burst, or ten times the mean of its hourly limit where that is more.',
    ),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []))
    .refine(
      (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
      'must look like https://app.example.org,http://localhost:3000',
    )
    .describe(
      'Origins whose pages may call the API from a browser, separated by commas. Unset = none but its own.',
    ),
  BOARD_READ_ONLY: flag
    .default(true)
    .describe(
      'Whether /admin/queues only shows: false lets it pause queues and retry, change and remove jobs.',
    ),
  AUDIT_DAYS: whole(1, 36_500).default(365).describe('How long it is kept who changed what.'),
  TRUST_PROXY: whole(0, 10)
    .default(0)
    .describe('Number of reverse proxies in front whose X-Forwarded-For is believed.'),
  SHUTDOWN_SECONDS: whole(1, 600).default(25).describe('Hard deadline of a graceful shutdown.'),
  DRAIN_MS: whole(0, 60_000)
    .default(1000)
    .describe(
      'How long the API, told to stop, goes on answering callers who keep their connection open, milliseconds.',
    ),
};

const schema = z.object(environmentShape);
export type Config = z.output<typeof schema> & { tier: Tier; envFlags: Record<string, boolean> };

export const tiers = ['embedded', 'postgres', 'scale-out'] as const;
export type Tier = (typeof tiers)[number];

export type Environment = Record<string, string | undefined>;

/** Thrown at start: one sentence a variable, naming it. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(`The environment is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Empty strings count as unset: `KEY=` in an env file means "not given". */
export function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

/** Takes `.env` of the working directory into the environment, if there is one; what is set already wins. For entries only. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * onnxruntime carries telemetry that uploads by itself. Its native code reads this when it starts, from the environment of
 * the process: a thread has only a copy.
 */
export function forbidTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** Kinds of process. Only the one with the door knows callers, so only the API must have SECRET_KEY and ADMIN_API_KEY. */
export type Role = 'api' | 'worker' | 'migration';

/** Reads and checks the environment for a kind of process. Throws ConfigError with every problem at once. */
export function readConfig(environment: Environment = process.env, role: Role = 'api'): Config {
  const env = withoutEmpty(environment);
  const parsed = schema.safeParse(env);
  const problems = parsed.success ? [] : describeIssues(parsed.error);
  const envFlags = readFlags(env, problems);
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const values = parsed.data;
  if (values.REDIS_URL && !values.DATABASE_URL)
    problems.push('DATABASE_URL must be set when REDIS_URL is: the queue alone cannot keep work.');
  if (values.EMBEDDING_PROVIDER === 'gemini' && !values.GEMINI_API_KEY)
    problems.push('GEMINI_API_KEY must be set when EMBEDDING_PROVIDER=gemini.');
  if (values.RERANKER === 'gemini' && !values.GEMINI_API_KEY)
    problems.push('GEMINI_API_KEY must be set when RERANKER=gemini.');
  if (values.RERANKER === 'local' && !values.RERANKER_MODEL_DIR)
    problems.push('RERANKER_MODEL_DIR must be set when RERANKER=local: the folder of a cross-encoder.');
  if (values.FLAG_PROVIDER === 'ofrep' && !values.FLAG_PROVIDER_URL)
    problems.push('FLAG_PROVIDER_URL must be set when FLAG_PROVIDER=ofrep: the address of its server.');
  if (values.ENVIRONMENT === 'production' && role === 'api') problems.push(...weakSecrets(values));
  if (problems.length > 0) throw new ConfigError(problems);
  const tier: Tier = values.REDIS_URL ? 'scale-out' : values.DATABASE_URL ? 'postgres' : 'embedded';
  return { ...values, tier, envFlags };
}

export function describeIssues(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
}

function readFlags(env: Environment, problems: string[]): Record<string, boolean> {
  const found: Record<string, boolean> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('FEATURE_')) continue;
    const key = name.slice('FEATURE_'.length).toLowerCase();
    const parsed = flag.safeParse(value?.toLowerCase());
    if (!(flagKeys as readonly string[]).includes(key)) {
      problems.push(
        `${name} is not a flag; the flags are ${flagKeys.map((k) => `FEATURE_${k.toUpperCase()}`).join(', ')}.`,
      );
    } else if (!parsed.success) problems.push(`${name} must be true or false.`);
    else found[key] = parsed.data;
  }
  return found;
}

function weakSecrets(values: {
  SECRET_KEY?: string | undefined;
  ADMIN_API_KEY?: string | undefined;
}): string[] {
  const weak = (secret: string | undefined, length: number) =>
    !secret || secret.length < length || new Set(secret).size < 8;
  const problems = [];
  if (weak(values.SECRET_KEY, 32))
    problems.push(
      'SECRET_KEY must be set to at least 32 random characters in production (openssl rand -hex 32).',
    );
  if (weak(values.ADMIN_API_KEY, 24))
    problems.push(
      'ADMIN_API_KEY must be set to at least 24 random characters in production (openssl rand -hex 24).',
    );
  return problems;
}

/** An exact scan of so many takes about as long as the rest of a search (docs/performance.md). */
const usualVectorIndexFrom = 20_000;

/** Vectors of a model beyond which they get an index; null: never. */
export function vectorIndexFrom({ tier, VECTOR_INDEX_FROM }: Config): number | null {
  return VECTOR_INDEX_FROM ?? (tier === 'embedded' ? null : usualVectorIndexFrom);
}
