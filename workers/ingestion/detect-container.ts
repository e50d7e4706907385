import { fromBufferPromise } from 'yauzl';

const compoundSignature = Buffer.from('d0cf11e0a1b11ae1', 'hex');
// Enough to see what kind of package it is; archives with more members than this are no documents.
const maxMembers = 3_000;

export function isZip(bytes: Buffer): boolean {
  return bytes.length >= 4 && [0x504b0304, 0x504b0506, 0x504b0708].includes(bytes.readUInt32BE(0));
}

/** OLE compound file: legacy Office, Outlook, Hangul – and the wrapper of every Office file with a password. */
export function isCompound(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).equals(compoundSignature);
}

// Stream names tell the program that wrote it; the wrapper of encrypted files comes first.
const compoundStreams: [stream: string, kind: string][] = [
  ['EncryptedPackage', 'encrypted'],
  ['HwpSummaryInformation', 'hwp'],
  ['__properties_version1.0', 'msg'],
  ['WordDocument', 'doc'],
  ['PowerPoint Document', 'ppt'],
  ['VisioDocument', 'vsd'],
  ['Workbook', 'xls'],
  ['Book', 'xls'],
];

/**
 * `encrypted`, an extension, or `cfb` where no stream is known.
 *
 * @param named the extension of the file's name: it chooses where one document is embedded in another
 */
export function compoundKind(bytes: Buffer, named = ''): string {
  // A directory entry holds its name in UTF-16 followed by a zero; writers differ in its capitals.
  const found = compoundStreams
    .filter(([stream]) =>
      [stream, stream.toUpperCase(), stream.toLowerCase()].some((name) =>
        bytes.includes(Buffer.from(`${name}\0`, 'utf16le')),
      ),
    )
    .map(([, kind]) => kind);
  if (found[0] === 'encrypted') return found[0];
  return found.find((kind) => kind === named) ?? found[0] ?? 'cfb';
}

const memberKinds: [member: RegExp, kind: string][] = [
  [/^\/?word[\\/]/i, 'docx'],
  [/^\/?xl[\\/]workbook\.bin$/i, 'xlsb'],
  [/^\/?xl[\\/]/i, 'xlsx'],
  [/^\/?ppt[\\/]/i, 'pptx'],
  [/^\/?visio[\\/]/i, 'vsdx'],
  [/^contents\/section\d+\.xml$/i, 'hwpx'],
  [/^META-INF\/container\.xml$/i, 'epub'],
  [/^content\.xml$/i, 'odt'],
];

const mediaTypeKinds: [mediaType: string, kind: string][] = [
  ['application/epub+zip', 'epub'],
  ['application/hwp+zip', 'hwpx'],
  ['application/vnd.oasis.opendocument.text', 'odt'],
  ['application/vnd.oasis.opendocument.spreadsheet', 'ods'],
  ['application/vnd.oasis.opendocument.presentation', 'odp'],
  // Drawings are pages with frames, like presentations.
  ['application/vnd.oasis.opendocument.graphics', 'odp'],
];

/** What a zip is by its members: an extension, or `zip`. A broken directory is read around. */
export async function zipKind(bytes: Buffer): Promise<string> {
  // OpenDocument and EPUB store their media type unpacked as the very first member.
  const opening = bytes.subarray(0, 200).toString('latin1');
  const stored = mediaTypeKinds.find(([mediaType]) => opening.startsWith(`mimetype${mediaType}`, 30));
  if (stored !== undefined) return stored[1];
  const names = (await memberNames(bytes)) ?? looseNames(bytes);
  const kinds = memberKinds
    .filter(([member]) => names.some((name) => member.test(name)))
    .map(([, kind]) => kind);
  return kinds[0] ?? 'zip';
}

async function memberNames(bytes: Buffer): Promise<string[] | undefined> {
  const names: string[] = [];
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true, strictFileNames: false });
    for await (const entry of zip.eachEntry()) {
      names.push(entry.fileName);
      if (names.length >= maxMembers) break;
    }
    return names;
  } catch {
    return names.length > 0 ? names : undefined; // damaged: the parser will say so, here only its kind matters
  }
}

/** Names in local headers, for archives whose directory is missing or damaged. */
function looseNames(bytes: Buffer): string[] {
  const names: string[] = [];
  const mark = Buffer.from('PK\x03\x04', 'latin1');
  for (let at = bytes.indexOf(mark); at >= 0 && names.length < maxMembers; at = bytes.indexOf(mark, at + 4)) {
    if (at + 30 > bytes.length) break;
    names.push(bytes.subarray(at + 30, at + 30 + bytes.readUInt16LE(at + 26)).toString('latin1'));
  }
  return names;
}
