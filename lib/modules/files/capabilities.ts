import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { pathWord } from '../kit/stat.ts';

interface Capability {
  readonly name: string;
  readonly operator: string;
  readonly flags: string;
}

/** `cap_net_raw,cap_chown+ep` → one for each name. */
export function parseCapabilities(text: string): Capability[] {
  return text
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .flatMap(clause => {
      const found = /^([a-z_,]+)([=+-])([eip]*)$/.exec(clause.toLowerCase());
      if (!found) throw new ModuleError(`Couldn't find operator (one of: =-+) in "${clause}"`);
      return partAt(found, 1)
        .split(',')
        .map(name => ({ name, operator: partAt(found, 2), flags: [...partAt(found, 3)].sort().join('') }));
    });
}

const same = (a: Capability, b: Capability) =>
  a.name === b.name && a.flags === b.flags && (a.operator === '-') === (b.operator === '-');

const spelled = (list: readonly Capability[]) => list.map(c => `${c.name}${c.operator}${c.flags}`).join(' ');

const args = Type.Object({
  path: A.path('The program.', { aliases: ['key'] }),
  capability: A.str('The capability, such as cap_net_bind_service+ep.', { aliases: ['cap'] }),
  state: A.choice(['absent', 'present'], 'Whether the program has it.', { default: 'present' }),
});

/** What the program should have; undefined when it has that. Pure. */
function wanted(found: readonly Capability[], text: string, state: string): string | undefined {
  const [own] = parseCapabilities(text);
  if (!own) throw new ModuleError('capability cannot be empty');
  const others = found.filter(c => c.name !== own.name);
  if (state === 'absent') return others.length === found.length ? undefined : spelled(others);
  return found.some(c => same(c, own)) ? undefined : spelled([...others, own]);
}

export const capabilities = defineState({
  name: 'capabilities',
  aliases: ['community.general.capabilities'],
  summary: 'Keeps the Linux capabilities of a program.',
  examples: `
- name: Let the exporter open a low port
  capabilities:
    path: /usr/local/bin/exporter
    capability: cap_net_bind_service=+ep
`,
  args,
  differences: ['Needs getcap and setcap on the host (package libcap2-bin).'],
  touches: args => [args.path],

  *probe(args): Steps<Capability[]> {
    const path = pathWord(args.path);
    const reply = yield* sh(`PATH=$PATH:/usr/sbin:/sbin; p=${path}
${needsProgram('getcap', 'libcap2-bin')}
[ -e "$p" ] || { echo "No such file: $p" >&2; exit 95; }
getcap "$p"`);
    if (reply.rc !== 0)
      throw new ModuleError(`Unable to get capabilities of ${args.path}: ${reply.stderr.trim()}`);
    const line = reply.stdout.trim();
    const list = line.startsWith(`${args.path} `) ? line.slice(args.path.length).replace(/^ =(?= )/, '') : '';
    return parseCapabilities(list);
  },

  diff(found, args) {
    const after = wanted(found, args.capability, args.state);
    return {
      changes: after === undefined ? [] : [`${args.path}: ${after || 'no capabilities'}`],
      result: { msg: after === undefined ? `capabilities unchanged` : `capabilities changed` },
    };
  },

  *apply(found, args) {
    const after = wanted(found, args.capability, args.state) ?? '';
    const command =
      after === '' ? `setcap -r ${pathWord(args.path)}` : `setcap ${quote(after)} ${pathWord(args.path)}`;
    yield* mustSh(`Unable to set capabilities of ${args.path}`, `PATH=$PATH:/usr/sbin:/sbin; ${command}`);
    return {};
  },
});
