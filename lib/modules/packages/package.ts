import type { Static, TProperties, TSchema } from 'typebox';
import { entryOf } from '../../source/record.ts';
import { A, coerceArguments, Type } from '../kit/arguments.ts';
import {
  type ActionModule,
  defineAction,
  type ModuleContext,
  ModuleError,
  type Result,
  type Steps,
  sh,
  unpredicted,
} from '../kit/define.ts';
import { apt } from './apt.ts';
import { dnf } from './dnf.ts';

const args = Type.Object({
  ...optional(dnf.args.properties),
  ...optional(apt.args.properties),
  name: A.opt(
    A.list('Names of the packages, as the package manager of the host spells them.', {
      aliases: ['package', 'pkg'],
    }),
  ),
  state: A.str('present, absent or latest.', { default: 'present' }),
  use: A.str('Package manager to use: apt, dnf, yum, or auto.', { default: 'auto' }),
});

/** Arguments that are handed on: what is not given is left to the module of the package manager. */
function optional(properties: TProperties): TProperties {
  return Object.fromEntries(
    Object.entries(properties).map(
      ([name, { default: _, ...schema }]: [string, TSchema & { default?: unknown }]) => [name, A.opt(schema)],
    ),
  );
}

type Args = Static<typeof args>;

const MANAGERS: Readonly<Record<string, ActionModule>> = {
  apt: apt,
  dnf: dnf,
  dnf5: dnf,
  yum: dnf,
};

const ALIASES: Readonly<Record<string, string>> = { installed: 'present', removed: 'absent' };

const DETECT = `if [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then echo apt
elif command -v dnf >/dev/null 2>&1 || command -v yum >/dev/null 2>&1; then echo dnf
elif command -v apt-get >/dev/null 2>&1; then echo apt
else for m in apk zypper pacman; do command -v $m >/dev/null 2>&1 && { echo $m; break; }; done; fi`;

function* managerOf(args: Args, ctx: ModuleContext): Steps<string> {
  if (args.use !== 'auto') return args.use;
  const known = ctx.fact('pkg_mgr');
  if (typeof known === 'string' && known !== 'unknown') return known;
  return (yield* sh(DETECT)).stdout.trim();
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const name = yield* managerOf(args, ctx);
  if (name === '')
    throw new ModuleError(
      'Could not detect which package manager to use. Try gathering facts or setting the "use" option.',
    );
  const module = entryOf(MANAGERS, name);
  if (!module) throw new ModuleError(`Could not find a module for ${name}.`);
  const raw = Object.fromEntries(
    Object.entries(args).filter(
      ([name, value]) => value !== undefined && name !== 'use' && name in module.args.properties,
    ),
  );
  const { args: finished, problems } = coerceArguments(module, {
    ...raw,
    state: entryOf(ALIASES, args.state) ?? args.state,
  });
  if (problems.length > 0) throw new ModuleError(problems.map(p => p.message).join('; '));
  // A module of the list keeps its own types of arguments to itself; the schema was checked above.
  const steps = ctx.checkMode ? module.check?.(finished as never, ctx) : module.run(finished as never, ctx);
  return (steps && (yield* steps)) ?? unpredicted(packages);
}

export const packages = defineAction({
  name: 'package',
  summary: 'Installs and removes packages with the package manager of the host.',
  examples: `
- name: Install the clock daemon, whatever the distribution
  package: {name: chrony, state: present}
`,
  args,
  returns: { '…': 'What the module of the package manager returns.' },
  differences: ['Hosts with apt, dnf or yum only; arguments a manager does not know are left out.'],
  run: work,
  check: work,
});
