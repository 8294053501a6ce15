import { wordsOf } from './ssh-config.ts';
import { keywordOf } from './ssh-keywords.ts';

/** What a line of ssh arguments asks for: options by keyword in lower case, the first of each kind first. */
export interface SshArguments {
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** `-F`: read this file instead of the usual ones. */
  readonly configFile: string | undefined;
  /** The host, when the line names one (inside a ProxyCommand). */
  readonly destination: string | undefined;
  readonly warnings: readonly string[];
}

/** Keywords with several words behind them. */
const LISTS = new Set(['userknownhostsfile', 'globalknownhostsfile']);

/** Short options that say the same as a keyword. */
const SHORT: Readonly<Record<string, string>> = {
  i: 'identityfile',
  p: 'port',
  l: 'user',
  J: 'proxyjump',
  W: 'forwardto',
  b: 'bindaddress',
  B: 'bindinterface',
  c: 'ciphers',
  m: 'macs',
  P: 'tag',
};

/** Short options with an argument that means nothing here. */
const WITH_ARGUMENT = 'DEeILOQRSw';
/** Options about the terminal, multiplexing or verbosity: nothing to do, nothing to say. */
const QUIET_FLAGS = /^[CqvTtnNxXMkKaf]+$/;

/** Reads a line of ssh arguments as Ansible's `ansible_ssh_common_args` has them. */
export function parseSshArguments(line: string): SshArguments {
  const options = new Map<string, string[]>();
  const warnings: string[] = [];
  let configFile: string | undefined;
  let destination: string | undefined;
  const add = (keyword: string, value: string): void => {
    options.set(keyword, [...(options.get(keyword) ?? []), value]);
  };
  const words = splitWords(line);
  while (words.length > 0) {
    const word = words.shift() as string;
    if (!word.startsWith('-') || word === '-') {
      destination ??= word;
      continue;
    }
    const letter = word.slice(1, 2);
    const argument = (): string => word.slice(2) || (words.shift() ?? '');
    if (letter === 'o') {
      const [, keyword = '', value = ''] = /^\s*([^\s=]+)\s*[\s=]?\s*(.*)$/.exec(argument()) ?? [];
      const name = keywordOf(keyword);
      for (const each of LISTS.has(name) ? (wordsOf(value) ?? []) : [unquoted(value)])
        if (name) add(name, each);
    } else if (letter === 'F') configFile = argument();
    else if (Object.hasOwn(SHORT, letter)) add(SHORT[letter] as string, argument());
    else if (word === '-4' || word === '-6') add('addressfamily', word === '-4' ? 'inet' : 'inet6');
    else if (WITH_ARGUMENT.includes(letter)) warnings.push(`ssh option -${letter} ${argument()} is ignored`);
    else if (!QUIET_FLAGS.test(word.slice(1))) warnings.push(`ssh option ${word} is ignored`);
  }
  return { options, configFile, destination, warnings };
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value.trim())?.[1] ?? value.trim();
}

/** Words as a shell would split them; quotes and backslashes count, nothing is expanded. */
function splitWords(line: string): string[] {
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map(word =>
    word.replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, escaped, double, single) =>
      escaped !== undefined ? escaped : double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : single,
    ),
  );
}
