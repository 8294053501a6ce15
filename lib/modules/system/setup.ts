import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { gatherScript, parseGathered } from './facts/collector.ts';
import { filterFacts, parseFacts, selectCollectors, withRequired } from './facts/index.ts';

/** Facts about the gathering itself have no prefix in the result, as in Ansible's. */
const PLAIN: ReadonlySet<string> = new Set(['gather_subset', 'module_setup']);

export const setup = defineAction({
  name: 'setup',
  traits: { sets: 'facts' },
  aliases: ['gather_facts', 'ansible.builtin.gather_facts'],
  summary: 'Gathers facts about the host.',
  examples: `
- name: Read only what the next tasks need
  setup: {gather_subset: ["!all", "!min", hardware]}
`,
  args: Type.Object({
    gather_subset: A.list(
      'Which facts to gather: all, min, hardware, network, virtual, or names of single sources; "!name" leaves one out.',
      { default: ['all'] },
    ),
    gather_timeout: A.int('Seconds to wait for a network file system that does not answer.', { default: 10 }),
    filter: A.list('Shell patterns; only facts whose name matches one are returned.', { default: [] }),
    fact_path: A.path('Directory of the host with local facts: *.fact files, JSON, INI or executable.', {
      default: '/etc/ansible/facts.d',
    }),
  }),
  returns: { ansible_facts: 'The facts, by name with the prefix `ansible_`.' },
  differences: [
    'Facts come from one shell script in one round trip; the host needs no Python.',
    'python facts are given only where a system Python is installed, and name its version but no more.',
    'Facts of facter, ohai and ethtool are not gathered.',
    'selinux_python_present is always true: no Python library is needed.',
  ],
  readOnly: true,
  batch: true,

  *run(args) {
    const collectors = withRequired(selectCollectors(args.gather_subset));
    const script = gatherScript(collectors, { factPath: args.fact_path, timeout: args.gather_timeout });
    // The author's locale stays, since the environment is one of the facts; the script sets its own afterwards.
    const reply = yield* ask(script, { userLocale: true });
    if (!reply.has('files')) {
      throw new ModuleError(`gathering facts failed: ${reply.stderr.trim() || `exit code ${reply.rc}`}`, {
        rc: reply.rc,
      });
    }
    const found = parseFacts(collectors, parseGathered(reply));
    const facts = filterFacts(
      { ...found, gather_subset: args.gather_subset, module_setup: true },
      args.filter,
    );
    const prefixed = Object.entries(facts).map(([name, fact]) => [
      PLAIN.has(name) ? name : `ansible_${name}`,
      fact,
    ]);
    return { changed: false, ansible_facts: Object.fromEntries(prefixed) };
  },
});
