import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const folder = new URL('../examples/', import.meta.url);

const manifestSchema = z.array(
  z.object({
    file: z.string(),
    title: z.string(),
    taxonomy_path: z.array(z.string()).min(1),
    language: z.enum(['ko', 'en']),
    external_id: z.string(),
  }),
);
export type Example = z.infer<typeof manifestSchema>[number];

const questionsSchema = z.array(
  z.object({
    question: z.string(),
    language: z.enum(['ko', 'en']),
    expects: z.object({
      answered: z.boolean(),
      /** The external id of the document that holds the answer. */
      document: z.string().nullable(),
      /** A string that a right answer contains. */
      contains: z.string().nullable(),
    }),
  }),
);
export type Question = z.infer<typeof questionsSchema>[number];

export async function readManifest(): Promise<Example[]> {
  return manifestSchema.parse(JSON.parse(await readFile(new URL('manifest.json', folder), 'utf8')));
}

/** `questions.json` (the five of the demo) or `more-questions.json`. */
export async function readQuestions(file: string): Promise<Question[]> {
  return questionsSchema.parse(JSON.parse(await readFile(new URL(file, folder), 'utf8')));
}

export async function readExample(example: Example): Promise<Buffer<ArrayBuffer>> {
  return readFile(new URL(example.file, folder)) as Promise<Buffer<ArrayBuffer>>;
}
