import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readExample, readManifest, readQuestions } from '../../../demo/corpus.ts';

const aboutTheCorpus = ['README.md', 'manifest.json', 'more-questions.json', 'questions.json'];

describe('the example corpus', () => {
  it('lists exactly the files that are there, each under its own external id', async () => {
    const manifest = await readManifest();
    const files = await readdir(new URL('../../../examples/', import.meta.url));
    expect([...manifest.map(({ file }) => file), ...aboutTheCorpus].sort()).toEqual(files.sort());
    expect(new Set(manifest.map(({ external_id }) => external_id)).size).toBe(manifest.length);
  });

  it.each(['questions.json', 'more-questions.json'])(
    '%s expects answers that its documents can give',
    async (file) => {
      const manifest = await readManifest();
      for (const { question, expects } of await readQuestions(file)) {
        const example = manifest.find(({ external_id }) => external_id === expects.document);
        expect(example !== undefined, question).toBe(expects.answered);
        expect(expects.contains !== null, question).toBe(expects.answered);
        // pdf and docx are compressed: their text is looked at where the parsers are tested
        if (example === undefined || /\.(pdf|docx)$/.test(example.file)) continue;
        expect((await readExample(example)).toString('utf8'), question).toContain(expects.contains);
      }
    },
  );
});
