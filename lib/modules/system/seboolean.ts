import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps, sh } from '../kit/define.ts';

interface Found {
  readonly now: boolean;
  readonly kept: boolean;
}

export const seboolean = defineState({
  name: 'seboolean',
  aliases: ['ansible.posix.seboolean'],
  summary: 'Switches booleans of SELinux.',
  examples: `
- name: Let HAProxy connect to the database's port
  seboolean: {name: haproxy_connect_any, state: true, persistent: true}
`,
  args: Type.Object({
    name: A.str('Name of the boolean.'),
    state: A.bool('On or off.'),
    persistent: A.bool('Keep it over a reboot.', { default: false }),
    ignore_selinux_state: A.bool('Go on where SELinux is off.', { default: false }),
  }),
  returns: { name: 'Name of the boolean.', state: 'On or off.', persistent: 'Whether it is kept.' },
  differences: [
    'Needs getsebool and setsebool on the host instead of Python libraries.',
    'Tried with Debian’s kernel and policy, not on a host of the Red Hat family.',
  ],
  touches: args => [`seboolean:${args.name}`],

  *probe(args): Steps<Found> {
    const name = quote(args.name);
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin
command -v getsebool >/dev/null 2>&1 || { echo 'the program getsebool is missing on this host (package libselinux-utils)' >&2; exit 96; }
${args.ignore_selinux_state ? '' : 'selinuxenabled || { echo "SELinux is disabled on this host." >&2; exit 95; }'}
getsebool ${name} || exit $?; semanage boolean -l 2>/dev/null | grep -F ${quote(`${args.name} `)}; :`);
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || `SELinux boolean ${args.name} does not exist.`);
    const now = / --> (?:on|active)/.test(reply.stdout);
    const kept = /\((?:on|off)\s*,\s*(on|off)\)/.exec(reply.stdout)?.[1];
    return { now, kept: kept === undefined ? now : kept === 'on' };
  },

  diff(found, args) {
    const differs = found.now !== args.state || (args.persistent && found.kept !== args.state);
    return {
      changes: differs ? [`SELinux boolean ${args.name}: ${args.state ? 'on' : 'off'}`] : [],
      result: { name: args.name, state: args.state, persistent: args.persistent },
    };
  },

  *apply(_, args) {
    const value = args.state ? 'on' : 'off';
    yield* mustSh(
      'setsebool failed',
      `PATH=$PATH:/usr/sbin:/sbin; setsebool ${args.persistent ? '-P ' : ''}${quote(args.name)} ${value}`,
      { live: true },
    );
    return {};
  },
});
