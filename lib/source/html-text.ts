import { visible } from './visible.ts';

/** Text as HTML shows it, in element content and in quoted attributes. */
export function htmlText(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Text as XML holds it, line breaks in attributes included; without the characters that XML cannot hold. */
export const xmlText = (text: string): string =>
  htmlText(text)
    .replace(/[\ufffe\uffff]/g, '')
    .replaceAll('\n', '&#10;');
