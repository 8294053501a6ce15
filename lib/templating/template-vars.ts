import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Value } from '../source/value.ts';
import { DateTime } from './dates/datetime.ts';

const DEFAULT_MANAGED = 'Ansible managed';

/** A template file, as those variables tell of it that only templates see. */
export interface TemplateOrigin {
  /** As the task or lookup names it. */
  readonly name: string;
  readonly file: string;
  readonly dest?: string | undefined;
  /** The setting `ansible_managed`. */
  readonly managed?: string | undefined;
}

/** `ansible_managed`, `template_path` and their like. */
export function templateVariables({ name, file, dest, managed }: TemplateOrigin): Map<string, Value> {
  const stat = statSync(file);
  const changed = DateTime.at(stat.mtimeMs / 1000, false);
  const owner = userName(stat.uid);
  const host = hostname();
  const fields: Readonly<Record<string, string>> = { file: name, host, uid: owner };
  const text = (managed ?? DEFAULT_MANAGED).replace(
    /\{(file|host|uid)\}/g,
    (_, field: string) => fields[field]!,
  );
  return new Map<string, Value>([
    ['ansible_managed', changed.format(text)],
    ['template_host', host],
    ['template_path', name],
    ['template_fullpath', file],
    ['template_destpath', dest ?? null],
    ['template_uid', owner],
    ['template_mtime', changed],
    ['template_run_date', DateTime.now(false)],
  ]);
}

/** The name of an account of this machine; the number where it has none. */
function userName(uid: number): string {
  const local = readFileSync('/etc/passwd', 'utf8').split('\n');
  const entry = local.map(line => line.split(':')).find(([, , id]) => id === String(uid));
  return entry?.[0] ?? String(uid);
}
