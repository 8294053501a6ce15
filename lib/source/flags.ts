import { Command, type CommanderError } from 'commander';
import { UsageError } from './errors.ts';
import { didYouMean, nearest } from './suggest.ts';

/** One flag: `multiple` may be given again, `value` names what it takes. */
export interface Flag {
  readonly short?: string;
  readonly value?: string;
  readonly multiple?: boolean;
  readonly aliases?: readonly string[];
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export interface Parsed {
  readonly positionals: readonly string[];
  /** Text of a flag that takes a value; the last one counts. */
  text(name: string): string | undefined;
  /** All texts of a flag that may be given again. */
  texts(name: string): readonly string[];
  has(name: string): boolean;
  count(name: string): number;
}

/** Parses a command line by its table of flags. Throws UsageError (exit code 5) with a near match. */
export function parseFlags(flags: Flags, argv: readonly string[]): Parsed {
  const values = new Map<string, (string | boolean)[]>();
  const spelt = new Map<string, string>();
  const command = new Command()
    .helpOption(false)
    .allowExcessArguments()
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  for (const [name, { short, value, aliases = [] }] of Object.entries(flags))
    for (const known of [name, ...aliases]) {
      spelt.set(known, name);
      const shorter = known === name && short !== undefined ? `-${short}, ` : '';
      command.option(`${shorter}--${known}${value === undefined ? '' : ' <value>'}`);
      command.on(`option:${known}`, (given: string | undefined) => {
        values.set(name, [...(values.get(name) ?? []), given ?? true]);
      });
    }
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    throw new UsageError(flagProblem(error as CommanderError, argv, flags, [...spelt.keys()]), 5);
  }
  const of = (name: string) => values.get(name) ?? [];
  return {
    positionals: command.args,
    text: name => of(name).at(-1) as string | undefined,
    texts: name => of(name) as string[],
    has: name => of(name).length > 0,
    count: name => of(name).length,
  };
}

function flagProblem(
  { code, message }: CommanderError,
  argv: readonly string[],
  flags: Flags,
  known: readonly string[],
): string {
  const named = /'(-[^']*)'/.exec(message)?.[1] ?? '';
  const [, long = ''] = /--([\w-]+)/.exec(named) ?? [];
  if (code === 'commander.unknownOption') {
    const near = named.startsWith('--') ? nearest(long, known) : undefined;
    return `unknown option ${named.split('=')[0]}${near === undefined ? '' : `, did you mean --${near}?`}`;
  }
  const short = named.split(',')[0]!;
  const written = argv.includes(short) ? short : `--${long}`;
  if (code === 'commander.optionMissingArgument')
    return `${written} wants a value: ${flags[long]?.value ?? 'VALUE'}`;
  return message.replace(/^error: /, '');
}

/** The word of a list that a flag was given. Throws UsageError (exit code 5) with a near match. */
export function oneOf<T extends string>(flag: string, known: readonly T[], word: string): T {
  const found = known.find(one => one === word);
  if (found !== undefined) return found;
  const list = `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
  throw new UsageError(`--${flag} is ${list}, not "${word}"`, 5, didYouMean(word, known));
}

/** The flags as --help shows them. */
export function flagsHelp(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { short, value, help }]) => {
    const head = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
    return [head, help] as const;
  });
  const width = Math.min(34, Math.max(...rows.map(([head]) => head.length)));
  return rows
    .map(([head, help]) =>
      head.length > width ? `  ${head}\n  ${' '.repeat(width)}  ${help}` : `  ${head.padEnd(width)}  ${help}`,
    )
    .join('\n');
}
