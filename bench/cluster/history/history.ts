import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Ajv } from 'ajv';
import { type RunRecord, RunRecordSchema } from '../result.ts';

const ajv = new Ajv({ allErrors: true, strict: true });
const isRecord = ajv.compile<RunRecord>(RunRecordSchema);

/** A history as read: its records, and the lines that are none, with the reason. */
export interface History {
  readonly records: readonly RunRecord[];
  readonly unreadable: readonly { readonly line: number; readonly reason: string }[];
}

/** Reads the history. Lines of a later version, or cut off by a crash, are set aside and told, never dropped from the file. */
export function readHistory(file: string): History {
  const records: RunRecord[] = [];
  const unreadable: { line: number; reason: string }[] = [];
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  lines.forEach((text, index) => {
    if (text.trim() === '') return;
    const parsed = parseLine(text);
    if (typeof parsed === 'string') unreadable.push({ line: index + 1, reason: parsed });
    else records.push(parsed);
  });
  return { records, unreadable };
}

function parseLine(text: string): RunRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'not JSON: cut off while it was written?';
  }
  if (isRecord(value)) return value;
  const { schema } = (value ?? {}) as { schema?: unknown };
  if (schema === 1)
    return 'schema 1, of an earlier version: it does not say what was measured, and is not compared';
  return ajv.errorsText(isRecord.errors, { dataVar: 'record' });
}

/**
 * Appends one run. The line goes out in one write to a file opened for appending and is on the disk when this returns;
 * a torn last line of an earlier crash is closed first, so that it cannot swallow this one.
 */
export function appendHistory(file: string, record: RunRecord): void {
  if (!isRecord(record))
    throw new Error(`a record that breaks its own schema: ${ajv.errorsText(isRecord.errors)}`);
  mkdirSync(dirname(file), { recursive: true });
  const line = `${JSON.stringify(record)}\n`;
  const descriptor = openSync(file, 'a+');
  try {
    const { size } = fstatSync(descriptor);
    const last = Buffer.alloc(1);
    const torn = size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
    writeSync(descriptor, torn ? `\n${line}` : line);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
