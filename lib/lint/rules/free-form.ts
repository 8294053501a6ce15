import { isPair, type Node, stringify } from 'yaml';
import type { Edit, Finding } from '../finding.ts';
import type { LintFile } from '../lint-file.ts';
import { textOf } from '../lint-file.ts';
import type { LintTask } from '../tasks.ts';

const COMMANDS = new Set(['command', 'shell', 'script', 'raw']);
/** Modules that take one plain word. */
const ONE_WORD = new Set([
  'include_vars',
  'include_tasks',
  'import_tasks',
  'include',
  'import_playbook',
  'meta',
  'include_role',
  'import_role',
]);

/** `copy: src=a dest=b`. */
export function freeForm(file: LintFile, { call, map, pairs }: LintTask): Finding[] {
  if (!call || call.key.value === 'action' || call.key.value === 'local_action') return [];
  const text = textOf(call.value);
  if (text === undefined) return [];
  const advice = 'write "key: value" lines below the module';
  const inText = [...call.args].filter(([name]) => !call.nodes.has(name));
  if (call.short === 'raw')
    return inText.some(([name]) => name === 'executable')
      ? [
          file.finding('no-free-form[raw]', map, 'executable= in the text of raw', {
            advice: 'write it below "args:"',
          }),
        ]
      : [];
  if (COMMANDS.has(call.short))
    return inText.some(([name]) => text.trimStart().startsWith(`${name}=`))
      ? [file.finding('no-free-form', map, 'arguments within the text of a command', { advice })]
      : [];
  if (ONE_WORD.has(call.short) || !text.includes('=')) return [];
  const mendable = inText.length > 0 && call.free === '' && !pairs.has('args');
  const fix = mendable
    ? asLines(file, call.key, call.value!, inText as readonly (readonly [string, string])[])
    : undefined;
  return [file.finding('no-free-form', map, 'arguments as text', { advice, fix })];
}

/** The arguments as lines below the module's name. Their values are texts, as they were. */
function asLines(
  file: LintFile,
  key: Node,
  value: Node,
  pairs: readonly (readonly [string, string])[],
): readonly Edit[] | undefined {
  const [start, end] = file.range(value);
  const [keyStart, keyEnd] = file.range(key);
  const line = file.lineOf(keyStart);
  const isOneLine = file.lineOf(start) === line && file.lineOf(end) === line;
  const rest = file.text.slice(end, file.startOf(line + 1)).trim();
  if (!isOneLine || rest !== '' || isPair(key)) return undefined;
  const indent = ' '.repeat(file.place(keyStart).col - 1 + 2);
  const lines = pairs.map(
    ([name, text]) =>
      `\n${indent}${name}: ${stringify(text, { lineWidth: 0, version: '1.1', singleQuote: false }).trim()}`,
  );
  if (lines.some(one => one.slice(1).includes('\n'))) return undefined;
  return [{ start: keyEnd, end, text: `:${lines.join('')}` }];
}
