import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadInventory } from '../../inventory/load-inventory.ts';
import { UsageError } from '../../source/errors.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { entryOf } from '../../source/record.ts';
import { didYouMean } from '../../source/suggest.ts';
import { Vault } from '../../source/vault.ts';
import { FileReader } from '../../source/yaml/read-yaml.ts';
import { type Commands, captured, helpOf } from '../reference/help-of.ts';

const HELP = `polarplay completion bash|zsh|fish: completion for the shell

  bash   echo 'source <(polarplay completion bash)' >> ~/.bashrc
  zsh    polarplay completion zsh > "\${fpath[1]}/_polarplay"
  fish   polarplay completion fish > ~/.config/fish/completions/polarplay.fish

It knows commands, flags, modules, roles, the hosts and groups of the inventory that -i names, and the tags of a playbook.
`;

/** Each asks this program for the words, so that one place knows what can come next. */
const SHELLS: Readonly<Record<string, string>> = {
  bash: `_polarplay() {
  local word current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  # Not by compgen -W, which runs what stands in a word.
  while IFS= read -r word; do
    case $word in "$current"*) COMPREPLY+=("$word") ;; esac
  done < <(polarplay completion words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _polarplay polarplay
`,
  zsh: `#compdef polarplay
local -a found
found=("\${(@f)$(polarplay completion words "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
compadd -a found
_files
`,
  fish: `function __polarplay_words
    set -l words (commandline -opc) (commandline -ct)
    polarplay completion words $words[2..-1] 2>/dev/null
end
complete -c polarplay -a '(__polarplay_words)'
`,
};

/** `polarplay completion`: the script for a shell, or the words that may come next. */
export async function runCompletionCommand(argv: readonly string[], commands: Commands): Promise<number> {
  const [shell = '--help', ...words] = argv;
  if (shell === '--help' || shell === '-h') process.stdout.write(HELP);
  else if (shell === 'words')
    process.stdout.write(
      (await nextWords(words, commands))
        .filter(isPlain)
        .map(word => `${word}\n`)
        .join(''),
    );
  else {
    const script = entryOf(SHELLS, shell);
    if (script === undefined) {
      const hint = didYouMean(shell, Object.keys(SHELLS));
      throw new UsageError(`there is completion for bash, zsh and fish, not for "${shell}"`, 5, hint);
    }
    process.stdout.write(script);
  }
  return 0;
}

/** A shell puts the word into the line as it is: names of hosts and tags that would be more than a word are left out. */
const isPlain = (word: string): boolean =>
  /^(--[a-z]|[\p{L}\p{N}_.@%+:,/=])[\p{L}\p{N}_.@%+:,/=-]*$/u.test(word);

/** Words that can complete the last word of the line. */
async function nextWords(line: readonly string[], commands: Commands): Promise<readonly string[]> {
  const current = line.at(-1) ?? '';
  const previous = line.at(-2) ?? '';
  const [command = ''] = line;
  if (line.length <= 1) return [...Object.keys(commands), 'help', 'version', ...ownPlaybooks()];
  if (/^(-l|--limit|--subset)$/.test(previous)) return inventoryNames(line);
  if (previous === '--role') return readdirSync(join(PACKAGE_ROOT, 'roles'));
  if (/^(-m|--module-name)$/.test(previous)) return moduleNames();
  if (/^(-t|--tags|--skip-tags)$/.test(previous) && !entryOf(commands, command)) return tagsOf(line);
  if (current.startsWith('-')) return flagsOf(commands, entryOf(commands, command) ? command : undefined);
  if (command === 'doc') return moduleNames();
  if (command === 'help') return Object.keys(commands);
  if (command === 'run' && line.length === 2) return inventoryNames(line);
  if (command === 'completion') return Object.keys(SHELLS);
  return [];
}

const ownPlaybooks = (): readonly string[] =>
  readdirSync(join(PACKAGE_ROOT, 'playbooks')).filter(name => name.endsWith('.yml'));

/** The flags that the help of a command names; without a command those of playbooks. */
async function flagsOf(commands: Commands, command: string | undefined): Promise<readonly string[]> {
  const help = await helpOf(commands, command);
  return [...new Set(help.match(/(?<=[\s,])--[a-z][a-z-]*/g))];
}

async function moduleNames(): Promise<readonly string[]> {
  const { allModules } = await import('../../engine/module-list.ts');
  return allModules().map(({ name }) => name);
}

function inventoryNames(line: readonly string[]): readonly string[] {
  const files = line.flatMap((word, i) =>
    /^(-i|--inventory)$/.test(word) && line[i + 1] ? [line[i + 1]!] : [],
  );
  if (files.length === 0) return [];
  const inventory = loadInventory(files, new FileReader(new Vault([])));
  return [...inventory.groups.keys(), ...inventory.hosts.keys()];
}

/** The tags of the playbooks on the line, by --list-tags. */
async function tagsOf(line: readonly string[]): Promise<readonly string[]> {
  const playbooks = line.slice(0, -1).filter(word => /\.ya?ml$/.test(word));
  const inventories = line.flatMap((word, i) =>
    /^(-i|--inventory)$/.test(word) ? ['-i', line[i + 1] ?? ''] : [],
  );
  const own = playbooks.filter(word => !inventories.includes(word));
  const { runPlaybookCommand } = await import('./playbook.ts');
  const listed = await captured(() => runPlaybookCommand([...own, ...inventories, '--list-tags']));
  const tags = [...listed.matchAll(/TAGS: \[(.*)\]/g)].flatMap(([, names = '']) => names.split(', '));
  return [...new Set(tags)].filter(Boolean).sort();
}
