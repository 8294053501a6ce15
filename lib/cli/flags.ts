import { parseArgs } from 'node:util';
import { UsageError } from '../source/errors.ts';
import { nearest } from '../source/suggest.ts';

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
  const names = new Map<string, string>();
  for (const [name, flag] of Object.entries(flags))
    for (const known of [name, ...(flag.aliases ?? [])]) names.set(known, name);
  const options = Object.fromEntries(
    [...names].map(([known, name]) => {
      const flag = flags[name]!;
      const short = known === name && flag.short !== undefined ? { short: flag.short } : {};
      return [
        known,
        {
          type: flag.value === undefined ? ('boolean' as const) : ('string' as const),
          multiple: true,
          ...short,
        },
      ];
    }),
  );
  const values = new Map<string, (string | boolean)[]>();
  let positionals: readonly string[];
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    positionals = parsed.positionals;
    for (const [known, given] of Object.entries(parsed.values)) {
      const name = names.get(known)!;
      values.set(name, [...(values.get(name) ?? []), ...(given as (string | boolean)[])]);
    }
  } catch (error) {
    throw new UsageError(flagProblem(error as Error, [...names.keys()]), 5);
  }
  const of = (name: string) => values.get(name) ?? [];
  return {
    positionals,
    text: name => of(name).at(-1) as string | undefined,
    texts: name => of(name) as string[],
    has: name => of(name).length > 0,
    count: name => of(name).length,
  };
}

function flagProblem(error: Error, known: readonly string[]): string {
  const unknown = /Unknown option '(-+)([^']*)'/.exec(error.message);
  if (!unknown) return error.message.replace(/\. To specify an option argument.*/s, '');
  const near = unknown[1] === '--' ? nearest(unknown[2]!, known) : undefined;
  return `unknown option ${unknown[1]}${unknown[2]}${near === undefined ? '' : `, did you mean --${near}?`}`;
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
