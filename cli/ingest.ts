import { defaultCollection } from '../src/access.ts';
import { greet, listDocuments, Refused, type RemoteDocument, type Service } from './client.ts';
import { createFollower, type Follower } from './follow.ts';
import { findPlaces, type Place } from './places.ts';
import type { Progress } from './progress.ts';
import { prune } from './prune.ts';
import { type Attributes, externalId, plan, type Source, upload } from './source.ts';
import { openState } from './state.ts';
import { emptySummary, type Failure, type Summary } from './summary.ts';
import { type FoundFile, type WalkOptions, walk } from './walk.ts';

export interface IngestOptions extends WalkOptions {
  name: string | undefined;
  collection: string;
  attributes: Attributes;
  jobs: number;
  wait: boolean;
  checksum: boolean;
  dryRun: boolean;
  prune: boolean;
  yes: boolean;
  stateDir: string;
}

/** Makes the service have what the folders have. Throws Misuse, and Refused where going on makes no sense; the summary tells how far it got. */
export async function ingest(
  service: Service,
  paths: readonly string[],
  options: IngestOptions,
  progress: Progress,
): Promise<Summary> {
  const places = await findPlaces(paths, options);
  const summary = emptySummary();
  const started = performance.now();
  // What still runs beside what failed ends with it.
  const end = new AbortController();
  const own = { ...service, signal: AbortSignal.any([service.signal, end.signal]) };
  try {
    await greet(own);
    for (const place of places) await ingestSource(own, place, options, { progress, summary });
  } catch (error) {
    if (!service.signal.aborted) throw error;
    summary.interrupted = true;
  } finally {
    end.abort();
    progress.stop();
  }
  return { ...summary, seconds: (performance.now() - started) / 1000 };
}

interface Report {
  progress: Progress;
  summary: Summary;
}

async function ingestSource(
  service: Service,
  { name, path }: Place,
  options: IngestOptions,
  { progress, summary }: Report,
): Promise<void> {
  const found = await walk(path, options);
  const { attributes, checksum, collection } = options;
  const identity = [service.url, found.root, name, ...(collection === defaultCollection ? [] : [collection])];
  const state = await openState(options.stateDir, identity);
  const remote = await listDocuments(service, { collection, prefix: externalId(name, '') });
  const run = createRun(service, { name, collection, attributes, state, remote, checksum }, options, {
    progress,
    summary,
  });
  summary.files += found.files.length;
  for (const [reason, count] of Object.entries(found.skipped))
    summary.skipped[reason] = (summary.skipped[reason] ?? 0) + count;
  for (const problem of found.problems) run.fail({ ...problem, code: 'unreadable' });
  progress.begin(found.files.length);
  await inParallel(found.files, options.jobs, run.file);
  await run.follower.finish();
  progress.stop();
  if (options.prune)
    summary.pruned += await prune(service, { name, remote, walk: found }, { ...options, progress });
}

interface Run {
  file(file: FoundFile): Promise<void>;
  fail(failure: Failure): void;
  follower: Follower;
}

function createRun(
  service: Service,
  source: Source,
  options: IngestOptions,
  { progress, summary }: Report,
): Run {
  const fail = (failure: Failure) => {
    summary.failed += 1;
    summary.failures.push(failure);
    progress.done(failure);
  };
  const count = (kind: 'ingested' | 'unchanged') => {
    summary[kind] += 1;
    progress.done();
  };
  const follower = createFollower(service, (path, { error, status }: RemoteDocument) => {
    if (status === 'ready') count('ingested');
    else
      fail({ path, code: error?.code ?? status, detail: error?.detail ?? `The document ended ${status}.` });
  });
  const process = async (file: FoundFile) => {
    const next = await plan(source, file);
    if (next.action === 'none') return count('unchanged');
    if (options.dryRun) return count(next.action === 'send' ? 'ingested' : 'unchanged');
    const { document, isNew } =
      next.action === 'send' ? await upload(service, source, next) : { document: next.document, isNew: true };
    if (!isNew && document.is_terminal) return count('unchanged');
    if (options.wait) follower.add({ path: file.path, document });
    else count('ingested');
  };
  const file = async (one: FoundFile) => {
    try {
      await process(one);
    } catch (error) {
      if (service.signal.aborted || (error instanceof Refused && error.final)) throw error;
      const code = error instanceof Refused ? error.code : 'unreadable';
      fail({ path: one.path, code, detail: (error as Error).message });
    }
  };
  return { file, fail, follower };
}

async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
