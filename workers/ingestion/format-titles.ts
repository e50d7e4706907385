/** Formats recognised in order to refuse them by name: what a user calls them. Keys are customary extensions. */
export const refusedFormats: Record<string, string> = {
  xlsx: 'Spreadsheet (xlsx)',
  xlsm: 'Spreadsheet (xlsm)',
  xlsb: 'Spreadsheet (xlsb)',
  xltx: 'Spreadsheet template (xltx)',
  xltm: 'Spreadsheet template (xltm)',
  xls: 'Spreadsheet (xls)',
  ods: 'Spreadsheet (ods)',
  pptx: 'Presentation (pptx)',
  pptm: 'Presentation (pptm)',
  ppsx: 'Presentation (ppsx)',
  potx: 'Presentation template (potx)',
  ppt: 'Presentation (ppt)',
  odp: 'Presentation (odp)',
  odt: 'OpenDocument text (odt)',
  odg: 'OpenDocument drawing (odg)',
  doc: 'Legacy Word (doc)',
  rtf: 'Rich text (rtf)',
  hwp: 'Hangul word processor (hwp)',
  hwpx: 'Hangul word processor (hwpx)',
  vsd: 'Visio drawing (vsd)',
  vsdx: 'Visio drawing (vsdx)',
  msg: 'Outlook message (msg)',
  eml: 'E-mail message (eml)',
  mbox: 'Mailbox (mbox)',
  mht: 'Web archive (mht)',
  mhtml: 'Web archive (mhtml)',
  epub: 'E-book (epub)',
  mobi: 'E-book (mobi)',
  xml: 'XML (xml)',
  svg: 'Vector image (svg)',
  ics: 'Calendar (ics)',
  vcf: 'Contact (vcf)',
  ps: 'PostScript (ps)',
  zip: 'Archive (zip)',
  cfb: 'Legacy Office (OLE)',
};

const groups: [prefix: string, noun: string][] = [
  ['image/', 'Image'],
  ['audio/', 'Audio'],
  ['video/', 'Video'],
  ['font/', 'Font'],
];

/** What to call a format that the signature library found: by our own table, else by its media type's kind. */
export function formatTitle(extension: string, mediaType = ''): string {
  const known = refusedFormats[extension];
  if (known !== undefined) return known;
  const noun = groups.find(([prefix]) => mediaType.startsWith(prefix))?.[1];
  return noun === undefined ? `Binary (${extension})` : `${noun} (${extension})`;
}
