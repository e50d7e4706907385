import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import type { Request } from 'express';
import type { Knex } from 'knex';
import { z } from 'zod';
import type { NewDocument } from '../db/accept-documents.ts';
import { discardUploads, type StagedUpload, stageUpload } from '../db/blobs.ts';
import { AppError, type InputProblem } from '../errors.ts';
import { jsonText } from './media.ts';
import { attributesOf } from './new-document.ts';
import { describeIssues } from './route.ts';
import { defaultPriority, documentAttributes } from './schemas.ts';

const { taxonomy_path, metadata, priority: _, ...plain } = documentAttributes;
const formFields = z.strictObject({
  ...plain,
  taxonomy_path: jsonText(taxonomy_path).optional(),
  metadata: jsonText(metadata).optional(),
  priority: z.coerce.number('must be a whole number from 1 to 10').int().min(1).max(10).optional(),
});

/** For the OpenAPI document: what the form looks like. */
export const fileForm = z
  .object({
    file: z.string().meta({ format: 'binary' }),
    ...plain,
    taxonomy_path: z.string().describe('JSON, e.g. ["HR","Leave"]').optional(),
    metadata: z.string().describe('JSON object').optional(),
    priority: z.string().optional(),
  })
  .meta({ id: 'NewFile' });

interface UploadedFile {
  name: string;
  type: string;
  /** In the database; no document has it yet. */
  staged: StagedUpload;
}

export interface Upload {
  fields: Record<string, string>;
  files: UploadedFile[];
}

export interface UploadLimits {
  maxMb: number;
  maxFiles: number;
}

export function isUpload(request: Request): boolean {
  return Boolean(request.is('multipart/form-data'));
}

/**
 * Reads a multipart form: files under the field `file` (or `files`), at most `maxFiles`, each at most `maxMb`. They go into the
 * database as they come, one after the other; of a form that is refused or cut off nothing stays. What no document adopts is
 * the caller's to discard.
 */
export async function readUpload(
  request: Request,
  db: Knex,
  { maxMb, maxFiles }: UploadLimits,
): Promise<Upload> {
  const limit = maxMb * 1024 * 1024;
  const tooLarge = () =>
    new AppError('payload_too_large', `A file may have at most ${maxMb} MB (MAX_UPLOAD_MB).`);
  // A declared length says it before 51 MB have travelled; the form around one file takes less than 1 MB.
  if (maxFiles === 1 && Number(request.get('content-length') ?? 0) > limit + 1024 * 1024) throw tooLarge();
  const upload: Upload = { fields: {}, files: [] };
  const stager = createStager(db, upload);
  await new Promise<void>((resolve, reject) => {
    const form = openForm(request, limit, maxFiles);
    form.on('field', (name, value) => {
      upload.fields[name] = value;
    });
    form.on('file', (name, stream, info) => {
      if (name !== 'file' && name !== 'files') reject(badForm(`/${name}`, 'send files in the field "file"'));
      stream.on('limit', () => reject(tooLarge()));
      // A form that is cut off within a file ends that file's stream with an error.
      stream.on('error', () => reject(cutOff()));
      stager.add(stream, info).catch(reject);
    });
    form.on('filesLimit', () => reject(badForm('/file', `send at most ${maxFiles} file(s) in a request`)));
    form.on('error', () => reject(cutOff()));
    form.on('close', () => stager.done().then(resolve, reject));
    request.on('aborted', () => reject(cutOff()));
    request.pipe(form);
  })
    .catch(async (error) => {
      await stager.undo();
      throw error;
    })
    .finally(() => {
      request.unpipe();
      // What is left of a refused form is read and dropped, or the connection could not be used again.
      request.resume();
    });
  if (upload.files.length === 0) throw badForm('/file', 'send the document in the field "file"');
  return upload;
}

/** Removes the files of a form that no document has. */
export async function discardUpload(db: Knex, { files }: Upload): Promise<void> {
  await discardUploads(
    db,
    files.map(({ staged }) => staged.uploadId),
  );
}

/** Stages one file after the other, however close behind each other they come. */
function createStager(db: Knex, upload: Upload) {
  const ids: string[] = [];
  const streams: Readable[] = [];
  let last: Promise<void> = Promise.resolve();
  return {
    add(stream: Readable, info: busboy.FileInfo): Promise<void> {
      const id = randomUUID();
      ids.push(id);
      streams.push(stream);
      const { filename, mimeType } = info;
      last = last.then(async () => {
        const staged = await stageUpload(db, id, stream);
        upload.files.push({ name: filename ?? 'unnamed', type: mimeType, staged });
      });
      return last;
    },
    done: () => last,
    async undo(): Promise<void> {
      for (const stream of streams) stream.destroy();
      // How it ended does not matter, only that nothing is written after what is removed.
      await last.catch(() => undefined);
      await discardUploads(db, ids);
    },
  };
}

const cutOff = () => badForm('', 'the multipart form is broken or cut off');

function openForm(request: Request, fileSize: number, files: number): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fileSize, files, fields: 50, fieldSize: 1024 * 1024 },
    });
  } catch {
    throw badForm('', 'multipart/form-data needs a boundary');
  }
}

/** One new document a file; the fields say the same of each (external_id: of a single one only). */
export function fromUpload({ fields, files }: Upload): NewDocument[] {
  const parsed = formFields.safeParse(fields);
  const problems = parsed.success ? [] : describeIssues(parsed.error, '');
  files.forEach((file, n) => {
    if (file.staged.bytes === 0)
      problems.push({ pointer: files.length === 1 ? '/file' : `/files/${n}`, message: 'the file is empty' });
  });
  if (fields.external_id !== undefined && files.length > 1)
    problems.push({
      pointer: '/external_id',
      message: 'belongs to one file: leave it out when sending several',
    });
  if (!parsed.success || problems.length > 0) throw invalid(problems);
  const body = parsed.data as Parameters<typeof attributesOf>[0];
  return files.map((file) => ({
    externalId: body.external_id ?? null,
    collection: body.collection,
    attributes: attributesOf(body),
    priority: body.priority ?? defaultPriority,
    contentType: file.type,
    ...(body.pii && { pii: body.pii }),
    fileName: file.name.normalize('NFC').replaceAll('\0', '').slice(-255),
    content: { upload: file.staged },
  }));
}

function badForm(pointer: string, message: string): AppError {
  return invalid([{ pointer, message }]);
}

function invalid(problems: InputProblem[]): AppError {
  const [first] = problems as [InputProblem];
  return new AppError(
    'validation_failed',
    `${first.pointer === '' ? 'The form' : first.pointer}: ${first.message}`,
    { errors: problems },
  );
}
