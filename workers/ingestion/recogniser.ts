import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { AppError } from '../../src/errors.ts';

/** Reads the text on a picture. */
export interface Recogniser {
  /**
   * @param picture PNG, JPEG, WebP or PNM
   * @throws AppError `document_unreadable`
   */
  read(picture: Uint8Array): string;
}

export type OpenRecogniser = () => Promise<Recogniser>;

/** Korean first: it reads Latin letters as well, while English data alone makes noise of Hangul. */
const languages = ['kor', 'eng'] as const;

/**
 * Text recognition by Tesseract, whose engine (WebAssembly) and language data are installed packages: nothing is fetched and
 * nothing is written. The engine is started with the first picture and kept, since starting it takes as long as reading one.
 */
export function recogniserOpener(): OpenRecogniser {
  let opened: Promise<Recogniser> | undefined;
  return () => {
    opened ??= openTesseract();
    return opened;
  };
}

/** What is used of the engine's interface (tesseract.js-core, generated from Tesseract's C++ API). */
interface Engine {
  FS: { writeFile(path: string, data: Uint8Array): void; unlink(path: string): void };
  TessBaseAPI: new () => {
    Init(dataPath: string | null, languages: string, mode: number): number;
    /** Takes the picture from `/input`; 1 when it can't be read. */
    SetImageFile(exifOrientation: number, angle: number): number;
    Recognize(monitor: null): number;
    GetUTF8Text(): string;
    Clear(): void;
  };
}
type StartEngine = (options: { print(line: string): void; printErr(line: string): void }) => Promise<Engine>;

/** The neural engine alone, which is what the language data is made for. */
const neural = 1;

async function openTesseract(): Promise<Recogniser> {
  const require = createRequire(import.meta.url);
  const start = require('tesseract.js-core/tesseract-core-simd-lstm') as StartEngine;
  const engine = await start({ print: () => {}, printErr: () => {} });
  for (const language of languages) {
    const packed = require.resolve(
      `@tesseract.js-data/${language}/4.0.0_best_int/${language}.traineddata.gz`,
    );
    engine.FS.writeFile(`${language}.traineddata`, await promisify(gunzip)(await readFile(packed)));
  }
  const api = new engine.TessBaseAPI();
  if (api.Init(null, languages.join('+'), neural) !== 0)
    throw new AppError('internal', 'The text recognition could not be started.');
  return {
    read(picture) {
      engine.FS.writeFile('/input', picture);
      try {
        if (api.SetImageFile(1, 0) === 1 || api.Recognize(null) !== 0)
          throw new AppError('document_unreadable', 'The picture is damaged and could not be read.');
        // Gaps are drawn out to the width they have on the page.
        return api.GetUTF8Text().replace(/ {2,}/g, ' ');
      } finally {
        api.Clear();
        engine.FS.unlink('/input');
      }
    },
  };
}
