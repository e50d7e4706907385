const zero = /^[+-]?0*(?:\.0*)?(?:[a-z]{1,4}|%)?$/i;
/** Farther left or above than any screen is wide: how pages hide text from eyes but not from readers of code. */
const offScreen = /^-\d{3,}(?:\.\d+)?(?:px|pt|em|rem|vw|vh|%)?$/i;
const white = /^(?:white|#fff(?:fff)?(?:ff)?|rgba?\(\s*255[\s,]+255[\s,]+255\b.*\))$/i;
const clear = /^(?:transparent|rgba\([^)]*,\s*0(?:\.0*)?\s*\)|#[\da-f]{6}00|#[\da-f]{3}0)$/i;

/**
 * Whether an element with this `style` attribute shows nothing of its text: not displayed, of no size, outside the page, or
 * in the colour of its own background. Style sheets are not read, so a colour counts only beside its background.
 */
export function hidesText(style: string | undefined): boolean {
  const declared = declarations(style ?? '');
  const value = (property: string): string => declared.get(property) ?? '';
  if (value('display') === 'none' || /^(?:hidden|collapse)$/.test(value('visibility'))) return true;
  if (value('content-visibility') === 'hidden') return true;
  if (has(value('font-size'), zero) || has(value('opacity'), zero) || has(value('zoom'), zero)) return true;
  if (/^scale\(\s*0(?:\.0*)?\s*[,)]/.test(value('transform'))) return true;
  if (has(value('text-indent'), offScreen) && value('overflow') === 'hidden') return true;
  const placed = /^(?:absolute|fixed)$/.test(value('position'));
  if (placed && ['left', 'top', 'right', 'bottom'].some((side) => has(value(side), offScreen))) return true;
  if (placed && /^rect\(\s*(?:0|1px)/.test(value('clip'))) return true;
  if (value('overflow') === 'hidden' && (has(value('height'), zero) || has(value('width'), zero)))
    return true;
  return isInvisible(value('color'), value('background-color') || value('background'));
}

function has(value: string, pattern: RegExp): boolean {
  return value !== '' && pattern.test(value);
}

function isInvisible(colour: string, background: string): boolean {
  if (colour === '') return false;
  if (clear.test(colour)) return true;
  return colour === background || (white.test(colour) && white.test(background));
}

/** Property → value, in small letters; the last one of a property counts, as in a browser. */
function declarations(style: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const declaration of style.slice(0, 10_000).split(';')) {
    const colon = declaration.indexOf(':');
    if (colon < 0) continue;
    const value = declaration.slice(colon + 1).replace(/!important\s*$/i, '');
    found.set(declaration.slice(0, colon).trim().toLowerCase(), value.trim().toLowerCase());
  }
  return found;
}
