import type { Result } from '../modules/kit/define.ts';
import { jsonText } from '../source/json.ts';
import type { Json } from '../source/value.ts';

/** What a person reads of a failure: of an author's mistake its place too, which `msg` leaves out. */
export function failureMessage(result: Result): string {
  if (result['censored'] !== undefined) return String(result['censored']);
  const error = result['error'];
  if (isMistake(error)) return mistakeText(error);
  const msg = result.msg === '' || result.msg === null ? undefined : result.msg;
  if (msg === undefined) return result['failed_when_result'] === true ? 'failed_when holds' : 'failed';
  return typeof msg === 'string' ? msg : jsonText(msg);
}

type Mistake = { readonly [key: string]: Json } & { readonly code: string; readonly message: string };

function isMistake(error: Result[string]): error is Mistake {
  if (error === null || typeof error !== 'object' || Array.isArray(error)) return false;
  const { code, message } = error as { readonly [key: string]: Json };
  return typeof code === 'string' && typeof message === 'string';
}

function mistakeText({ message, file, line, col }: Mistake): string {
  const where = file === undefined ? '' : `${String(file)}:${String(line)}:${String(col)} `;
  return `${where}${message}`;
}
