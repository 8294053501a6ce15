import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps } from '../kit/define.ts';
import { missingProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';

const args = Type.Object({
  name: A.str('Name of the package.', { aliases: ['pkg'] }),
  question: A.opt(A.str('The question.', { aliases: ['selection', 'setting'] })),
  value: A.opt(A.str('The answer.', { aliases: ['answer'], secret: { if: ['vtype', 'password'] } })),
  vtype: A.opt(
    A.choice(
      ['boolean', 'error', 'multiselect', 'note', 'password', 'seen', 'select', 'string', 'text', 'title'],
      'Kind of answer.',
    ),
  ),
  unseen: A.bool('Leave the question as not yet asked.', { default: false }),
});

type Args = Static<typeof args>;

/** Answers are kept as text; those of a yes-no question in small letters. */
const wanted = (args: Args) =>
  args.vtype === 'boolean' ? (args.value ?? '').toLowerCase() : (args.value ?? '');

const show = (args: Args) => `command -v debconf-show >/dev/null 2>&1 || exit 96
begin answers; debconf-show ${quote(args.name)} || exit $?; begin password
${args.vtype === 'password' && args.question !== undefined ? `sed -n ${quote(`/^Name: ${args.question.replace(/[.*[\]^$/\\]/g, '\\$&')}$/,/^$/{s/^Value: //p}`)} /var/cache/debconf/passwords.dat 2>/dev/null` : ':'}`;

export const debconf = defineState({
  name: 'debconf',
  summary: 'Answers the questions of a Debian package before it is installed.',
  examples: `
- name: Choose the default locale before the package asks
  debconf:
    name: locales
    question: locales/default_environment_locale
    vtype: select
    value: C.UTF-8
`,
  args,
  rules: { requiredTogether: [['question', 'vtype', 'value']] },
  returns: { current: 'The answer now.' },
  differences: [
    'The answer to a question for a password is compared too, so that the task does not report a change each time.',
  ],
  touches: args => [`debconf:${args.name}`],

  *probe(args): Steps<ReadonlyMap<string, string>> {
    const reply = yield* ask(show(args));
    if (reply.rc === 96) throw new ModuleError(missingProgram('debconf-show', 'debconf'));
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `debconf-show ended with ${reply.rc}`);
    const [answers, password] = [reply.text('answers') ?? '', reply.text('password') ?? ''];
    const found = new Map(
      [...answers.matchAll(/^\*?[ \t]*([^\s:]+):[ ]?(.*)$/gm)].map(
        m => [partAt(m, 1), partAt(m, 2).trim()] as const,
      ),
    );
    if (args.vtype === 'password' && args.question !== undefined && password.trim() !== '')
      found.set(args.question, password.trim());
    return found;
  },

  diff(found, args) {
    if (args.question === undefined)
      return { changes: [], result: { msg: '', current: Object.fromEntries(found) } };
    const now = found.get(args.question);
    const same = now !== undefined && now === wanted(args);
    return {
      changes: same ? [] : [`${args.name}: answer to ${args.question}`],
      result: {
        current: args.vtype === 'password' ? {} : { [args.question]: wanted(args) },
        previous: args.vtype === 'password' ? {} : Object.fromEntries(found),
      },
    };
  },

  *apply(_, args) {
    const line = [args.name, args.question, args.vtype, wanted(args)].join(' ');
    if (/[\n\0]/.test(line)) throw new ModuleError('an answer cannot hold a line break');
    yield* mustSh('debconf-set-selections failed', `debconf-set-selections${args.unseen ? ' -u' : ''}`, {
      stdin: `${line}\n`,
    });
    return {};
  },
});
