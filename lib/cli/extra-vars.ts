import { resolve } from 'node:path';
import type { VarLayer } from '../inventory/types.ts';
import { splitWords, unquote } from '../playbook/tasks/free-form.ts';
import { UsageError } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { adoptOrigin, type Dict, type Value } from '../source/value.ts';
import type { FileReader } from '../source/yaml/read-yaml.ts';
import { parseYaml } from '../source/yaml/yaml.ts';

/** `-e`: `name=value` words, a JSON or YAML mapping, or `@FILE`; later ones win. Values of words are text, as in Ansible. */
export function parseExtraVars(texts: readonly string[], files: FileReader): VarLayer {
  const vars: Dict = new Map();
  for (const text of texts) {
    const given = parseOne(text, files);
    for (const [name, value] of given) {
      vars.set(name, value);
      adoptOrigin(vars, name, given);
    }
  }
  return { source: 'extra vars', vars };
}

function parseOne(text: string, files: FileReader): Dict {
  if (text.startsWith('@')) return files.vars(resolve(text.slice(1)));
  if (/^\s*[[{]/.test(text)) return mapping(parseYaml(text, '--extra-vars'), text);
  const vars: Dict = new Map();
  for (const word of splitWords(text)) {
    const at = word.indexOf('=');
    if (at < 1)
      throw new UsageError(`--extra-vars wants name=value, JSON or @FILE, not ${jsonText(text)}`, 5);
    vars.set(word.slice(0, at), unquote(word.slice(at + 1)));
  }
  return vars;
}

function mapping(value: Value, text: string): Dict {
  if (value instanceof Map) return value;
  throw new UsageError(`--extra-vars wants a mapping, not ${jsonText(text)}`, 5);
}
