import { checkbox, input, select } from '@inquirer/prompts';
import type { FoundDisk } from '../../cluster/modules/polardb_preflight.ts';
import { bytes } from '../../cluster/status/status-view.ts';
import { DATABASES, type HostAnswer, parseHost } from './answers.ts';

/** True, or the reason against it, as the prompts expect. */
const problem = (parse: () => unknown): true | string => {
  try {
    parse();
    return true;
  } catch (error) {
    return (error as Error).message;
  }
};

export const askText = (message: string, usual: string): Promise<string> =>
  input({ message, default: usual });

export async function askHost(message: string, name: string): Promise<HostAnswer> {
  const text = await input({
    message: `${message}: ADDRESS or NAME=ADDRESS[:PORT]`,
    validate: given => problem(() => parseHost(given, name)),
  });
  return parseHost(text, name);
}

export async function askHosts(message: string, prefix: string): Promise<readonly HostAnswer[]> {
  const parse = (text: string) =>
    text
      .split(/[\s,，]+/)
      .filter(Boolean)
      .map((one, i) => parseHost(one, `${prefix}${i + 1}`));
  return parse(await input({ message, validate: given => problem(() => parse(given)) }));
}

export const askDatabase = (): Promise<string> =>
  select({
    message: 'Database',
    choices: DATABASES.map(value => ({
      value,
      name:
        value === 'stand-in'
          ? 'PostgreSQL of the distribution as a stand-in, to try things out'
          : `PolarDB ${value}`,
    })),
  });

/** Disks that hold something are shown and cannot be chosen. */
export const askDisks = (disks: readonly FoundDisk[]): Promise<string[]> =>
  checkbox({
    message: 'Disks to share (the first holds the database)',
    required: true,
    choices: disks.map(({ path, size, model, content }) => ({
      value: path,
      name: [path, bytes(size), model].filter(Boolean).join('  '),
      disabled: content === '' ? false : `(holds ${content.trim()})`,
    })),
  });
