import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps, sh } from '../kit/define.ts';

const args = Type.Object({
  ports: A.list('Ports or ranges of ports.'),
  proto: A.choice(['tcp', 'udp'], 'Protocol.'),
  setype: A.str('SELinux type of the ports.'),
  state: A.choice(['absent', 'present'], 'Whether the ports have that type.', { default: 'present' }),
  reload: A.bool('Accepted; semanage always reloads.', { default: true }),
  ignore_selinux_state: A.bool('Go on where SELinux is off.', { default: false }),
});

type Args = Static<typeof args>;

/** Ports and ranges by type and protocol, as `semanage port -l` prints them. */
export function parsePorts(
  text: string,
): { readonly type: string; readonly proto: string; readonly ports: string[] }[] {
  return [...text.matchAll(/^(\S+)\s+(tcp|udp)\s+(.+)$/gm)].map(m => ({
    type: partAt(m, 1),
    proto: partAt(m, 2),
    ports: partAt(m, 3)
      .split(',')
      .map(port => port.trim()),
  }));
}

/** semanage's words for each port that is not as wanted. Pure. */
function work(text: string, args: Args): string[] {
  const known = parsePorts(text).filter(entry => entry.proto === args.proto);
  return args.ports.flatMap(port => {
    const own = known.find(entry => entry.type === args.setype)?.ports.includes(port) ?? false;
    if (args.state === 'absent')
      return own ? [`-d -t ${quote(args.setype)} -p ${args.proto} ${quote(port)}`] : [];
    if (own) return [];
    const taken = known.some(entry => entry.ports.includes(port));
    return [`${taken ? '-m' : '-a'} -t ${quote(args.setype)} -p ${args.proto} ${quote(port)}`];
  });
}

export const seport = defineState({
  name: 'seport',
  aliases: ['community.general.seport'],
  summary: 'Keeps SELinux types of network ports.',
  examples: `
- name: Let the database use another port
  seport:
    ports: "5433"
    proto: tcp
    setype: postgresql_port_t
    state: present
`,
  args,
  differences: [
    'Needs semanage on the host instead of Python libraries.',
    'Tried with Debian’s kernel and policy, not on a host of the Red Hat family.',
  ],
  touches: () => ['seport'],

  *probe(args): Steps<string> {
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin
command -v semanage >/dev/null 2>&1 || { echo 'the program semanage is missing on this host (package policycoreutils-python-utils)' >&2; exit 96; }
${args.ignore_selinux_state ? '' : 'selinuxenabled || { echo "SELinux is disabled on this host." >&2; exit 95; }'}
semanage port -l -n`);
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `semanage ended with ${reply.rc}`);
    return reply.stdout;
  },

  diff: (found, args) => ({
    changes: work(found, args).map(words => `semanage port ${words}`),
    result: { ports: args.ports, proto: args.proto, setype: args.setype, state: args.state },
  }),

  *apply(found, args) {
    yield* mustSh(
      'semanage failed',
      [
        'PATH=$PATH:/usr/sbin:/sbin',
        ...work(found, args).map(words => `semanage port ${words} || exit $?`),
      ].join('\n'),
    );
    return {};
  },
});
