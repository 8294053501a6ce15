import { iniPair } from '../../../source/ini-text.ts';
import { parseJson } from '../../../source/json.ts';
import { partAt } from '../../../source/part-at.ts';
import { emptyRecord } from '../../../source/record.ts';
import type { Json } from '../../../source/value.ts';
import { quote } from '../../kit/define.ts';
import type { Collector, Facts, Raw } from './collector.ts';

/** An INI file as a mapping of sections; undefined when it is none. Keys are lower case, as Python's parser makes them. */
export function parseIni(text: string): Record<string, Record<string, string>> | undefined {
  const found = emptyRecord<Record<string, string>>();
  let section: Record<string, string> | undefined;
  let key: string | undefined;
  for (const row of text.split('\n')) {
    if (/^\s*([#;]|$)/.test(row)) continue;
    const heading = /^\[(.+)\]\s*$/.exec(row);
    const pair = iniPair(row);
    if (heading) {
      const name = partAt(heading, 1);
      section = found[name] ?? emptyRecord();
      found[name] = section;
      key = undefined;
    } else if (/^\s/.test(row) && section && key) section[key] += `\n${row.trim()}`;
    else if (pair && section) {
      key = pair[0].toLowerCase();
      section[key] = pair[1];
    } else return undefined;
  }
  return found;
}

function factOf(path: string, status: string, output: string): Json {
  if (status !== '0') return `Failure executing fact script (${path}), rc: ${status}, err: ${output.trim()}`;
  try {
    return parseJson(output);
  } catch {
    return parseIni(output) ?? ['error loading facts as JSON or ini - please check content:', path].join(' ');
  }
}

function localFacts(raw: Raw): Facts {
  const facts = emptyRecord<Json>();
  for (const { path, rc, output } of raw.factFiles)
    facts[path.slice(path.lastIndexOf('/') + 1).replace(/\.fact$/, '')] = factOf(path, rc, output);
  return { local: facts };
}

// Executable files are programs whose output counts; of a failed one the error text is kept.
const script = (factPath: string) => `for f in ${quote(factPath)}/*.fact; do
  [ -f "$f" ] || continue
  if [ -x "$f" ]; then out=$("$f" 2>/dev/null); rc=$?; [ $rc = 0 ] || out=$("$f" 2>&1 >/dev/null)
  else out=$(cat "$f"); rc=0; fi
  field fact-file "$f"; field fact-rc "$rc"; field fact "$out"
done`;

export const local: Collector = {
  name: 'local',
  script: ({ factPath }) => script(factPath),
  parse: localFacts,
};
