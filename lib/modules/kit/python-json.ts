import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';

/** JSON as Python's json.dumps prints it: spaces behind commas and colons, ASCII only. */
export function pythonJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, entry]) => `${text(key)}: ${pythonJson(entry)}`)
      .join(', ')}}`;
  return typeof value === 'string' ? text(value) : jsonText(value);
}

const text = (value: string) =>
  jsonText(value).replace(/[\u0080-\uffff]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
