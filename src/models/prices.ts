/** USD for a million tokens read, by name of the model without dimensions. */
export type Prices = ReadonlyMap<string, number>;

const entry = /^\s*([^=,\s]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/;

/** `name=price,…`; undefined where it is not of that form. */
export function readPrices(list: string): Prices | undefined {
  const entries = list.split(',').filter((part) => part.trim() !== '');
  const read = entries.map((part) => entry.exec(part));
  if (read.some((match) => match === null)) return undefined;
  return new Map(read.map((match) => [match?.[1] as string, Number(match?.[2])]));
}

/** What so many tokens cost with the model, USD: nothing where it runs here; null where no price is known. */
export function costOf(
  { provider, model }: { provider: string; model: string },
  tokens: number,
  prices: Prices,
): number | null {
  if (provider === 'local') return 0;
  const price = prices.get(model.slice(0, model.lastIndexOf('@')));
  return price === undefined ? null : (tokens * price) / 1_000_000;
}
