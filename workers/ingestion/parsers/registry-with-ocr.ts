import type { ParserRegistry } from '../formats.ts';
import { recogniserOpener } from '../recogniser.ts';
import { createParsers } from './registry.ts';

/** What the parser process loads with `OCR=true`. */
export const parsers: ParserRegistry = createParsers(recogniserOpener());
