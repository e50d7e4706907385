import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { defaultCollection } from '../src/access.ts';

import { ApiError, WaitTimeout } from '../src/client/http.ts';

import { loadEnvFile } from '../src/config.ts';
import { version } from '../src/version.ts';
import { type AskFlags, ask } from './ask.ts';
import { askHelp } from './ask-help.ts';
import { Refused } from './client.ts';
import { type IngestOptions, ingest } from './ingest.ts';
import { Misuse } from './places.ts';
import { createProgress } from './progress.ts';
import { describeSummary } from './summary.ts';

/** What the shell is told. */
const [failed, usage, abstained, interrupted] = [1, 2, 3, 130];

const whole = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
};
const collect = (text: string, all: string[]) => [...all, text];
const pair = (text: string, all: Record<string, string>) => {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('It must look like key=value.');
  return { ...all, [key]: value };
};
const sourceName = (text: string) => {
  if (/^[^/\\]{1,100}$/.test(text)) return text;
  throw new InvalidArgumentError('It must have 1 to 100 characters and no slash.');
};
const httpUrl = (text: string) => {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text).origin;
  throw new InvalidArgumentError('It must be an http(s) URL.');
};

/** Where the service is, and with which key. */
interface ServiceFlags {
  url: string;
  key: string | undefined;
  dataDir: string;
}

interface Flags extends Omit<IngestOptions, 'attributes' | 'stateDir'>, ServiceFlags {
  state: string;
  metadata: Record<string, string>;
  taxonomy: string | undefined;
  priority: number | undefined;
  json: boolean;
}

function createProgram(): Command {
  const program = new Command('dt-rag').version(version).exitOverride();
  addIngest(program);
  addAsk(program);
  addMcp(program);
  return program;
}

function addIngest(program: Command): void {
  const command = program.command('ingest');
  command
    .description(
      'Make the service have what folders have: new and changed files are sent, the others cost nothing.',
    )
    .argument('<path...>', 'folders or files; the document of a file is named SOURCE/path/in/folder')
    .option('--name <name>', "name of the source; the folder's own unless given", sourceName)
    .option('--ignore <pattern>', 'leave these out too, as in .gitignore (repeatable)', collect, [])
    .addOption(
      option('--collection <name>', 'where its documents are', 'DT_RAG_COLLECTION').default(
        defaultCollection,
      ),
    )
    .option('--all', 'hidden files too, and those that hold no text by their name', false)
    .option('--metadata <key=value>', 'say this of every document (repeatable)', pair, {})
    .option('--taxonomy <path>', 'file every document under this path, e.g. HR/Leave')
    .option('--priority <n>', '1 is worked on first, 10 last', whole(1, 10))
    .option('--jobs <n>', 'files sent at a time', whole(1, 64), 4)
    .option('--no-wait', 'end when all are accepted, without waiting until they are ready')
    .option('--checksum', 'compare contents, not times and sizes', false)
    .option('--prune', 'remove documents of the source whose files are gone', false)
    .option('--yes', 'remove without asking', false)
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--json', 'print the summary as JSON', false)
    .addOption(
      option('--state <dir>', 'where to remember what was sent; safe to lose', 'DT_RAG_STATE').default(
        join(homedir(), '.dt-rag', 'ingest'),
      ),
    )
    .action(runIngest);
  addService(command, 'write');
}

function addAsk(program: Command): void {
  const command = program
    .command('ask')
    .description('Ask a question: the answer as it is written, then the sources that it stands on.')
    .argument('<question>', 'in any language that the documents are in')
    .addOption(
      new Option('--mode <mode>', 'what kind of answer')
        .choices(['answer', 'summary', 'keypoints'])
        .default('answer'),
    )
    .option('--top <n>', 'passages to answer from', whole(1, 50))
    .addOption(
      new Option('--strategy <name>', 'how passages are found').choices([
        'auto',
        'keyword',
        'vector',
        'hybrid',
      ]),
    )
    .option('--taxonomy <path>', 'only from documents under this path, e.g. HR/Leave')
    .option('--timeout <seconds>', 'longest time to wait', whole(1, 3600), 120)
    .option('--no-stream', 'print the answer when it is finished, not while it is written')
    .option('--json', 'print the whole answer resource as JSON', false)
    .addHelpText('after', askHelp)
    .action(runAsk);
  addService(command, 'read');
}

function addMcp(program: Command): void {
  const command = program
    .command('mcp')
    .description(
      'Serve search, ask, ingest and status to a program that starts its MCP servers itself and speaks to them over stdio.',
    )
    .action(runMcp);
  addService(command, 'read');
}

function addService(command: Command, scope: 'read' | 'write'): void {
  command
    .addOption(
      option('--url <url>', 'the service', 'DT_RAG_URL').default('http://127.0.0.1:8000').argParser(httpUrl),
    )
    .addOption(option('--key <key>', `an API key with scope ${scope}`, 'DT_RAG_API_KEY'))
    .addOption(
      option('--data-dir <dir>', 'of an embedded service: its own key is used', 'DATA_DIR').default(
        './.data',
      ),
    );
}

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable);
}

/** The first Ctrl-C ends in order, the second at once. */
function stopOnInterrupt(): AbortController {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  return stop;
}

async function runAsk(question: string, flags: AskFlags & ServiceFlags): Promise<void> {
  const { signal } = stopOnInterrupt();
  const service = { baseUrl: flags.url, apiKey: flags.key ?? (await ownKey(flags.dataDir)) };
  try {
    const outcome = await ask(service, question, flags, {
      stdout: process.stdout,
      stderr: process.stderr,
      signal,
    });
    if (outcome !== 'answered') process.exitCode = outcome === 'abstained' ? abstained : failed;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.exitCode = interrupted;
  }
}

async function runMcp(flags: ServiceFlags): Promise<void> {
  const { signal } = stopOnInterrupt();
  // Loaded here: the other commands do without.
  const { relayMcp } = await import('./mcp.ts');
  await relayMcp({ baseUrl: flags.url, apiKey: flags.key ?? (await ownKey(flags.dataDir)) }, { signal });
}

async function runIngest(paths: string[], flags: Flags): Promise<void> {
  if (flags.prune && !flags.yes && !flags.dryRun && !process.stdin.isTTY)
    throw new Misuse('--prune asks before it removes anything: without a terminal, say --yes.');
  const stop = stopOnInterrupt();
  const service = { url: flags.url, key: flags.key ?? (await ownKey(flags.dataDir)), signal: stop.signal };
  const taxonomyPath = flags.taxonomy?.split('/').filter((label) => label !== '') ?? [];
  const { metadata, priority, state: stateDir } = flags;
  const options = { ...flags, attributes: { metadata, taxonomyPath, priority }, stateDir };
  const summary = await ingest(service, paths, options, createProgress(process.stderr.isTTY === true));
  process.stdout.write(`${flags.json ? JSON.stringify(summary) : describeSummary(summary, flags.dryRun)}\n`);
  if (summary.interrupted) process.exitCode = interrupted;
  else if (summary.failed > 0) process.exitCode = failed;
}

/** The key that an embedded service made at its first start. */
async function ownKey(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'admin-api-key'), 'utf8')).trim();
  } catch {
    throw new Misuse(
      `No key: give --key or DT_RAG_API_KEY, or --data-dir of an embedded service (${dataDir} has none).`,
    );
  }
}

try {
  loadEnvFile();
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usage;
  else {
    const expected = [ApiError, WaitTimeout, Refused, Misuse].some((kind) => error instanceof kind);
    process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
    process.exitCode = error instanceof Misuse ? usage : failed;
  }
}
