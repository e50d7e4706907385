import { AppError } from '../../src/errors.ts';

/** What the end of a parser process says: of its start, of the file, or of somebody else. */
export function exitError(
  ready: boolean,
  code: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
): AppError {
  if (!ready) return startFailure(stderr || `exit code ${code}`);
  if (/heap out of memory|Array buffer allocation failed/i.test(stderr)) return outOfMemory();
  // Somebody else's signal says nothing about the file: worth another try.
  if (signal === 'SIGKILL' || signal === 'SIGTERM') {
    return new AppError('internal', 'The process that was reading the file was stopped from outside.');
  }
  const cause = stderr.trim() || `exit code ${code}, signal ${signal}`;
  return new AppError('document_unreadable', 'The file is damaged in a way that crashes its reader.', {
    cause,
  });
}

export function outOfMemory(): AppError {
  return new AppError('parse_out_of_memory', 'Reading the file took more memory than the limit.');
}

export function startFailure(why: string): AppError {
  return new AppError('internal', 'The process that reads files could not be started.', { cause: why });
}
