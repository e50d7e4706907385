/** Offsets are UTF-16 code units into `text` (JavaScript string indices), end exclusive, everywhere. */
export interface Range {
  start: number;
  end: number;
}

export interface PageRange extends Range {
  /** 1-based, as the reader sees it. */
  page: number;
}

export interface Heading extends Range {
  /** 1 (outermost) … 6. */
  level: number;
}

/** What a parser makes of a file: one text, and where things stand in it. */
export interface ParsedDocument {
  /** NFC, `\n` line ends, no control characters but `\n` and `\t`. */
  text: string;
  title?: string;
  author?: string;
  /** ISO 8601, as far as the file says. */
  date?: string;
  /** BCP 47 tag the file declares, e.g. `ko` or `en-GB`; absent where it says nothing. */
  language?: string;
  /** Page map, where the format has pages; covers the text in order. */
  pages: PageRange[];
  headings: Heading[];
}

/** One chunk to be: a range of the version's text. */
export interface ChunkRange extends Range {
  /** Page on which the chunk starts, where the format has pages. */
  page: number | null;
  /** The headings above the chunk, outermost first, joined by ` › `. */
  heading: string | null;
  /** The header row of the table, or the lead-in of the list, that the chunk goes on with; null where it begins anew. */
  context: string | null;
}
