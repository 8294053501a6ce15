import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError } from '../kit/define.ts';
import { readText, type TextFile, textDiff, toBytes, writeText } from '../kit/text-file.ts';
import { editKnownHosts } from './known-hosts-file.ts';

const args = Type.Object({
  name: A.str('The host; with a port as [host]:port.', { aliases: ['host'] }),
  key: A.opt(
    A.str('The whole line, host name first. Without it, state=absent removes all keys of the host.'),
  ),
  path: A.path('The file.', { default: '~/.ssh/known_hosts' }),
  hash_host: A.bool('Hide the name of the host in the file.', { default: false }),
  state: A.choice(['absent', 'present'], 'Whether the key should be in the file.', { default: 'present' }),
});

type Args = Static<typeof args>;

const edited = (found: TextFile, args: Args) =>
  editKnownHosts(found.text ?? '', {
    name: toBytes(args.name),
    key: args.key === undefined ? undefined : toBytes(args.key),
    hash_host: args.hash_host,
    state: args.state,
  });

export const knownHosts = defineState({
  name: 'known_hosts',
  summary: 'Keeps keys of SSH hosts in a known_hosts file.',
  examples: `
- name: Know the backup host's key
  known_hosts:
    name: backup.example.com
    key: "{{ lookup('file', 'keys/backup.known_hosts') }}"
`,
  args,
  returns: { name: 'The host.', path: 'The file.', state: 'State wanted.' },
  differences: ['No ssh-keygen is needed on the host.'],
  touches: args => [args.path],

  *probe(args) {
    return yield* readText(args.path);
  },

  diff(found, args) {
    const after = edited(found, args);
    const changed = after !== (found.text ?? '');
    if (changed && found.file.parent === 'missing')
      throw new ModuleError(`Failed to write to file ${found.file.path}: its directory does not exist`);
    return {
      changes: changed
        ? [`${found.file.path}: ${args.state === 'present' ? 'key of' : 'without'} ${args.name}`]
        : [],
      diff: [textDiff(found.text, after, found.file.path)],
      result: {
        name: args.name,
        path: found.file.path,
        state: args.state,
        hash_host: args.hash_host,
        key: args.key ?? null,
      },
    };
  },

  *apply(found, args) {
    yield* writeText(found, edited(found, args));
    return {};
  },
});
