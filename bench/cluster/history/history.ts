import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Ajv } from 'ajv';
import { appendWhole } from '../append-whole.ts';
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

/** Appends one run, in one line. */
export function appendHistory(file: string, record: RunRecord): void {
  if (!isRecord(record))
    throw new Error(`a record that breaks its own schema: ${ajv.errorsText(isRecord.errors)}`);
  mkdirSync(dirname(file), { recursive: true });
  appendWhole(file, `${JSON.stringify(record)}\n`);
}
