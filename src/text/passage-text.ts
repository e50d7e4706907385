/** What an embedding model reads of a chunk: with the title of its document and the headings above it, as the keyword index does. */
export function passageText({
  title,
  heading,
  text,
}: {
  title: string | null;
  heading: string | null;
  text: string;
}): string {
  return [title, heading, text].filter((part) => part).join('\n');
}
