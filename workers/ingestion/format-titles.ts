/** Formats recognised in order to refuse them by name: what a user calls them. Keys are customary extensions. */
export const refusedFormats: Record<string, string> = {
  xlsb: 'Spreadsheet (xlsb)',
  xls: 'Spreadsheet (xls)',
  ppt: 'Presentation (ppt)',
  doc: 'Legacy Word (doc)',
  vsd: 'Visio drawing (vsd)',
  vsdx: 'Visio drawing (vsdx)',
  msg: 'Outlook message (msg)',
  mobi: 'E-book (mobi)',
  ps: 'PostScript (ps)',
  zip: 'Archive (zip)',
  cfb: 'Legacy Office (OLE)',
  hwp3: 'Hangul word processor 3 (hwp)',
};

/** What to save a refused file as; where nothing is named, one of the supported formats has to be found. */
const remedies: Record<string, string> = {
  xlsb: 'save it as xlsx or csv',
  xls: 'save it as xlsx or csv',
  ppt: 'save it as pptx or pdf',
  doc: 'save it as docx or pdf',
  vsd: 'save it as pdf',
  vsdx: 'save it as pdf',
  msg: 'save it as eml',
  mobi: 'convert it to epub',
  ps: 'convert it to pdf',
  zip: 'unpack it and send its files one by one',
  cfb: 'save it in a current format of its program, or as pdf',
  hwp3: 'save it as hwpx or pdf',
};

const groups: [prefix: string, noun: string, remedy: string][] = [
  ['image/', 'Image', 'convert it to png or jpeg'],
  ['audio/', 'Audio', 'send a transcript of it'],
  ['video/', 'Video', 'send a transcript of it'],
  ['font/', 'Font', 'there is no text in it'],
];
const archives = new Set(['7z', 'rar', 'gz', 'bz2', 'xz', 'tar', 'zst', 'lz', 'lz4', 'cab']);

/** A format that is not read: what to call it, and what its sender can do. */
export interface RefusedFormat {
  title: string;
  remedy: string;
}

/** By our own table, else by the media type's kind. */
export function refusedFormat(extension: string, mediaType = ''): RefusedFormat {
  const known = refusedFormats[extension];
  if (known !== undefined) return { title: known, remedy: remedies[extension] ?? 'convert it' };
  if (archives.has(extension))
    return { title: `Archive (${extension})`, remedy: remedies.zip ?? 'unpack it' };
  const [, noun, remedy] = groups.find(([prefix]) => mediaType.startsWith(prefix)) ?? [];
  return noun === undefined || remedy === undefined
    ? { title: `Binary (${extension})`, remedy: 'convert it' }
    : { title: `${noun} (${extension})`, remedy };
}
