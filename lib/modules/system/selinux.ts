import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { linesOf, readText, type TextFile, textDiff, writeText } from '../kit/text-file.ts';

interface Found extends TextFile {
  readonly runtime: 'enforcing' | 'permissive' | 'disabled';
}

const setting = (text: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';

/** The configuration with a setting in it. */
function keep(text: string, key: string, value: string): string {
  if (setting(text, key) === value) return text;
  let there = false;
  const lines = linesOf(text).map(line => {
    if (!line.startsWith(`${key}=`)) return line;
    there = true;
    return `${key}=${value}\n`;
  });
  return lines.join('') + (there ? '' : `${key}=${value}\n`);
}

interface Args {
  readonly state: 'enforcing' | 'permissive' | 'disabled';
  readonly policy?: string;
  readonly configfile: string;
}

function edited(found: Found, args: Args): string {
  const text = found.text ?? '';
  const policy = args.policy ?? setting(text, 'SELINUXTYPE');
  return keep(policy === '' ? text : keep(text, 'SELINUXTYPE', policy), 'SELINUX', args.state);
}

/** The state of the running system that can be had without a reboot; undefined when it stays. */
function runtimeTarget(found: Found, args: Args): 'enforcing' | 'permissive' | undefined {
  if (found.runtime === 'disabled' || found.runtime === args.state) return undefined;
  if (args.state !== 'disabled') return args.state;
  return found.runtime === 'enforcing' ? 'permissive' : undefined;
}

export const selinux = defineState({
  name: 'selinux',
  aliases: ['ansible.posix.selinux'],
  summary: 'Sets the mode and policy of SELinux, now and for the next boot.',
  examples: `
- name: Enforce the targeted policy
  selinux: {policy: targeted, state: enforcing}
`,
  args: Type.Object({
    state: A.choice(['enforcing', 'permissive', 'disabled'], 'Mode.'),
    policy: A.opt(A.str('Policy, such as targeted.')),
    configfile: A.path('Its configuration.', { default: '/etc/selinux/config', aliases: ['conf', 'file'] }),
  }),
  returns: {
    reboot_required: 'Whether the mode wanted comes only with a reboot.',
    msg: 'What was changed.',
    policy: 'Policy.',
    state: 'Mode.',
  },
  differences: [
    'Tried with Debian’s kernel and policy, not on a host of the Red Hat family.',
    'The kernel command line (update_kernel_param) is not edited.',
    'No Python library is needed on the host.',
  ],
  touches: args => [args.configfile],

  *probe(args): Steps<Found> {
    const found = yield* readText(
      args.configfile,
      '[ -r /sys/fs/selinux/enforce ] && begin mode && cat /sys/fs/selinux/enforce',
    );
    const mode = found.records.output('mode');
    return { ...found, runtime: mode === undefined ? 'disabled' : mode === '1' ? 'enforcing' : 'permissive' };
  },

  diff(found, args) {
    if (found.text === undefined)
      throw new ModuleError(`Unable to find file ${args.configfile}`, {
        details: 'Please install SELinux-policy package, if this package is not installed previously.',
      });
    if (args.state !== 'disabled' && args.policy === undefined)
      throw new ModuleError("Policy is required if state is not 'disabled'");
    const after = edited(found, args);
    const target = runtimeTarget(found, args);
    const reboot = args.state !== found.runtime && target !== args.state;
    const msgs = [
      ...(target === undefined ? [] : [`SELinux state changed from '${found.runtime}' to '${target}'`]),
      ...(after === found.text
        ? []
        : [`Config SELinux state changed from '${setting(found.text, 'SELINUX')}' to '${args.state}'`]),
    ];
    return {
      changes: msgs,
      ...(after !== found.text && { diff: [textDiff(found.text, after, found.file.path)] }),
      result: {
        msg: msgs.join(', '),
        configfile: args.configfile,
        policy: args.policy ?? setting(found.text, 'SELINUXTYPE'),
        state: args.state,
        reboot_required: reboot,
        ...(reboot && { warnings: [`Reboot is required to set SELinux state to '${args.state}'`] }),
      },
    };
  },

  *apply(found, args) {
    const target = runtimeTarget(found, args);
    if (target !== undefined) {
      const reply = yield* sh(
        `PATH=$PATH:/usr/sbin:/sbin; setenforce ${quote(target === 'enforcing' ? '1' : '0')}`,
      );
      if (reply.rc !== 0) throw new ModuleError(`cannot set the SELinux mode: ${reply.stderr.trim()}`);
    }
    const after = edited(found, args);
    if (after !== found.text) yield* writeText(found, after);
    return {};
  },
});
