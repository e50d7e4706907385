import { describe, expect, it } from 'vitest';
import { hidesText } from '../../../workers/ingestion/hidden-style.ts';

describe('hidesText', () => {
  it.each([
    'display: none',
    'DISPLAY:NONE !important',
    'visibility:hidden',
    'font-size:0',
    'font-size: 0px; color: red',
    'opacity: 0.0',
    'position:absolute; left:-9999px',
    'position: fixed; top: -100em',
    'text-indent:-9999px;overflow:hidden',
    'height:0;overflow:hidden',
    'position:absolute;clip:rect(0,0,0,0)',
    'color:#fff;background:white',
    'color: #333; background-color: #333',
    'color: transparent',
  ])('%s', (style) => expect(hidesText(style)).toBe(true));

  it.each([
    '',
    'display:block',
    'font-size:0.9em',
    'opacity:.5',
    'color:#fff',
    'color:white;background:#003366',
    'margin-left:-9999px',
    'position:absolute;left:-10px',
    'display:none;display:block',
    'height:0',
  ])('not: %s', (style) => expect(hidesText(style)).toBe(false));
});
