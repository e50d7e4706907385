import type { ParsedDocument } from './parsed-document.ts';

/** What ingestion reads. */
export const formatNames = [
  'txt',
  'md',
  'html',
  'xml',
  'pdf',
  'docx',
  'pptx',
  'xlsx',
  'odt',
  'odp',
  'ods',
  'hwp',
  'hwpx',
  'rtf',
  'epub',
  'eml',
  'csv',
  'json',
  'image',
] as const;
export type FormatName = (typeof formatNames)[number];

/** What the sender says of a file. Believed only to tell text formats apart. */
export interface FileHints {
  fileName?: string;
  /** Media type, parameters allowed: `text/html; charset=euc-kr`. */
  contentType?: string;
}

/** Reads one format. A new format is one file with one of these and one line in the registry. */
export interface Parser {
  format: FormatName;
  /** Media types, most proper one first. */
  contentTypes: readonly string[];
  /**
   * May throw AppError `document_unreadable`, `document_encrypted`, `document_too_large`,
   * `document_needs_ocr` or `document_empty`; whatever
   * else it throws counts as `document_unreadable`. An empty text is the caller's to refuse.
   */
  parse(bytes: Uint8Array, hints: FileHints): Promise<ParsedDocument>;
}

export type ParserRegistry = Record<FormatName, Parser>;

/** The `charset` parameter of the declared media type. */
export function declaredCharset({ contentType }: FileHints): string | undefined {
  return /charset\s*=\s*["']?([\w.:-]+)/i.exec(contentType ?? '')?.[1];
}

/** Lower case, without dot: `csv` of `Report.CSV`. */
export function extensionOf({ fileName }: FileHints): string | undefined {
  return /\.([^./\\]{1,16})$/.exec(fileName?.trim() ?? '')?.[1]?.toLowerCase();
}
