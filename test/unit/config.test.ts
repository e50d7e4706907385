import { describe, expect, it } from 'vitest';
import { ConfigError, type Environment, readConfig } from '../../src/config.ts';
import { createMetrics } from '../../src/metrics.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import { openModels } from '../../workers/llm/open-models.ts';

const problemsOf = (
  environment: Environment,
  read: (environment: Environment) => unknown = readConfig,
): string => {
  try {
    read(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return expect.unreachable(`accepted: ${JSON.stringify(environment)}`);
};

describe('readConfig', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      ...{ PORT: 8000, HOST: '127.0.0.1', ENVIRONMENT: 'development', DATA_DIR: './.data', tier: 'embedded' },
      ...{ MAX_UPLOAD_MB: 50, EMBEDDING_PROVIDER: 'local', AUTO_CREATE_TAXONOMY: true, envFlags: {} },
    });
  });

  it('takes empty variables as unset', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', FEATURE_DEBATE_MODE: '', METRICS_TOKEN: '' })).toEqual(
      readConfig({}),
    );
  });

  it('chooses the tier by the two URLs', () => {
    const DATABASE_URL = 'postgresql://u:p@db:5432/rag';
    expect(readConfig({ DATABASE_URL }).tier).toBe('postgres');
    expect(readConfig({ DATABASE_URL, REDIS_URL: 'redis://cache:6379' }).tier).toBe('scale-out');
    expect(problemsOf({ REDIS_URL: 'redis://cache:6379' })).toContain('DATABASE_URL');
  });

  it('understands the URLs of other drivers', () => {
    const { DATABASE_URL } = readConfig({ DATABASE_URL: 'postgresql+asyncpg://u:p@db/rag' });
    expect(DATABASE_URL).toBe('postgresql://u:p@db/rag');
  });

  it.each([
    ['PORT', '80a'],
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['ENVIRONMENT', 'prod'],
    ['LOG_LEVEL', 'loud'],
    ['DATABASE_URL', 'mysql://db/rag'],
    ['DATABASE_URL', 'postgresql://db'],
    ['REDIS_URL', 'http://cache'],
    ['GEMINI_BASE_URL', 'ftp://x'],
    ['MAX_UPLOAD_MB', '0'],
    ['METRICS_TOKEN', 'short'],
    ['AUTO_CREATE_TAXONOMY', 'maybe'],
    ['URL_INGESTION', 'maybe'],
    ['URL_ALLOW', 'https://example.org'],
    ['URL_PRIVATE_ADDRESSES', 'true'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example.org/'],
    ['KEY_BURST', '0'],
    ['AUDIT_DAYS', '0'],
    ['FEATURE_TELEPATHY', 'true'],
    ['FEATURE_DEBATE_MODE', 'maybe'],
  ])('%s=%s stops the start and is named', (name, value) => {
    expect(problemsOf({ [name]: value })).toContain(name);
  });

  it('names every problem at once', () => {
    const message = problemsOf({ PORT: 'x', LOG_LEVEL: 'loud', FEATURE_TELEPATHY: 'true' });
    for (const name of ['PORT', 'LOG_LEVEL', 'FEATURE_TELEPATHY']) expect(message).toContain(name);
  });

  it('does not repeat secrets in its complaints', () => {
    const password = 'hunter2hunter2';
    expect(problemsOf({ DATABASE_URL: `mysql://u:${password}@db/rag` })).not.toContain(password);
  });

  it('needs the key of a provider that is chosen', () => {
    expect(problemsOf({ EMBEDDING_PROVIDER: 'gemini' })).toContain('GEMINI_API_KEY');
    expect(problemsOf({ RERANKER: 'gemini' })).toContain('GEMINI_API_KEY');
    expect(problemsOf({ RERANKER: 'local' })).toContain('RERANKER_MODEL_DIR');
    expect(readConfig({ RERANKER: 'local', RERANKER_MODEL_DIR: '/m' }).RERANK_TOP).toBe(20);
  });

  it('needs the address of another flag provider', () => {
    expect(problemsOf({ FLAG_PROVIDER: 'ofrep' })).toContain('FLAG_PROVIDER_URL');
    expect(problemsOf({ FLAG_PROVIDER: 'ofrep', FLAG_PROVIDER_URL: 'flagd:8016' })).toContain('http(s)');
    expect(readConfig({}).FLAG_PROVIDER).toBe('stored');
  });

  it('reads flags', () => {
    const { envFlags } = readConfig({ FEATURE_DEBATE_MODE: 'TRUE', FEATURE_MCP_TOOLS: '0' });
    expect(envFlags).toEqual({ debate_mode: true, mcp_tools: false });
  });
});

describe('in production', () => {
  const ENVIRONMENT = 'production';
  const strong = {
    SECRET_KEY: 'f3a9c1d27be84650'.repeat(2),
    ADMIN_API_KEY: 'k3yThatNobodyGuesses-42' + 'x7',
  };

  it('secrets must be set and strong, and the sentence says how', () => {
    expect(readConfig({ ENVIRONMENT, ...strong }).ENVIRONMENT).toBe('production');
    for (const weak of [undefined, 'short', 'a'.repeat(64), 'changeme'.repeat(3)]) {
      const key = problemsOf({ ENVIRONMENT, ...strong, SECRET_KEY: weak });
      expect(key).toMatch(/SECRET_KEY must be set .*openssl/);
      expect(key).not.toContain('ADMIN_API_KEY');
    }
    expect(problemsOf({ ENVIRONMENT, ...strong, ADMIN_API_KEY: 'admin' })).toMatch(
      /ADMIN_API_KEY must be set/,
    );
  });
});

describe('a daily budget', () => {
  const open = (environment: Environment) =>
    openModels(readConfig(environment), readWorkerConfig(environment), createMetrics());
  const LLM_DAILY_BUDGET_USD = '5';

  it('needs a price of every model that is called', () => {
    const local = { LLM_PROVIDER: 'openai', LLM_BASE_URL: 'http://127.0.0.1:1/v1', LLM_MODEL: 'qwen3' };
    const smaller = { LLM_FALLBACK_MODEL: 'qwen3-small' };
    expect(open(local)?.model).toBe('qwen3');
    expect(problemsOf({ ...local, ...smaller, LLM_DAILY_BUDGET_USD }, open)).toMatch(
      /LLM_PRICES must name qwen3 .*\n.*LLM_PRICES must name qwen3-small/,
    );
    const priced = { LLM_PRICES: 'qwen3=0/0,qwen3-small=0/0' };
    expect(open({ ...local, ...smaller, ...priced, LLM_DAILY_BUDGET_USD })?.fallback?.model).toBe(
      'qwen3-small',
    );
    expect(open({ LLM_DAILY_BUDGET_USD }), 'there is nothing to be paid for').toBeNull();
  });
});

describe('readWorkerConfig', () => {
  it('has defaults, and takes a list of queues', () => {
    expect(readWorkerConfig({}).QUEUES).toHaveLength(6);
    expect(readWorkerConfig({ QUEUES: 'answer, learning' }).QUEUES).toEqual(['answer', 'learning']);
  });

  it.each([
    [{ QUEUES: 'answers' }, 'QUEUES'],
    [{ WORKER_CONCURRENCY: '0' }, 'WORKER_CONCURRENCY'],
    [{ CHUNK_TOKENS: '100', CHUNK_OVERLAP_TOKENS: '100' }, 'CHUNK_OVERLAP_TOKENS'],
    [{ COMPOSE_BUDGET_MS: 'soon' }, 'COMPOSE_BUDGET_MS'],
    [{ STEP_BUDGETS: 'compose=fast' }, 'STEP_BUDGETS'],
    [{ LLM_PRICES: 'gemini-2.5-flash=0.3' }, 'LLM_PRICES'],
    [{ LLM_PROVIDER: 'openai' }, 'LLM_BASE_URL'],
    [{ LLM_PROVIDER: 'openai', LLM_BASE_URL: 'localhost:11434' }, 'LLM_BASE_URL'],
    [{ LLM_PROVIDER: 'abacus' }, 'LLM_PROVIDER'],
  ])('%j is refused', (environment, name) => {
    expect(problemsOf(environment, readWorkerConfig)).toContain(name);
  });
});
