import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps } from '../kit/define.ts';
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
const wanted = (a: Args) => (a.vtype === 'boolean' ? (a.value ?? '').toLowerCase() : (a.value ?? ''));

const show = (a: Args) => `command -v debconf-show >/dev/null 2>&1 || exit 96
begin answers; debconf-show ${quote(a.name)} || exit $?; begin password
${a.vtype === 'password' && a.question !== undefined ? `sed -n ${quote(`/^Name: ${a.question.replace(/[.*[\]^$/\\]/g, '\\$&')}$/,/^$/{s/^Value: //p}`)} /var/cache/debconf/passwords.dat 2>/dev/null` : ':'}`;

export const debconf = defineState({
  name: 'debconf',
  summary: 'Answers the questions of a Debian package before it is installed.',
  args,
  rules: { requiredTogether: [['question', 'vtype', 'value']] },
  returns: { current: 'The answer now.' },
  differences: ['The answer to a question for a password is compared too: it is no change each time.'],
  touches: a => [`debconf:${a.name}`],

  *probe(a): Steps<ReadonlyMap<string, string>> {
    const reply = yield* ask(show(a));
    if (reply.rc === 96)
      throw new ModuleError('the program debconf-show is missing on this host (package debconf)');
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `debconf-show ended with ${reply.rc}`);
    const [answers, password] = [reply.text('answers') ?? '', reply.text('password') ?? ''];
    const found = new Map(
      [...answers.matchAll(/^\*?[ \t]*([^\s:]+):[ ]?(.*)$/gm)].map(
        m => [partAt(m, 1), partAt(m, 2).trim()] as const,
      ),
    );
    if (a.vtype === 'password' && a.question !== undefined && password.trim() !== '')
      found.set(a.question, password.trim());
    return found;
  },

  diff(found, a) {
    if (a.question === undefined)
      return { changes: [], result: { msg: '', current: Object.fromEntries(found) } };
    const now = found.get(a.question);
    const same = now !== undefined && now === wanted(a);
    return {
      changes: same ? [] : [`${a.name}: answer to ${a.question}`],
      result: {
        current: a.vtype === 'password' ? {} : { [a.question]: wanted(a) },
        previous: a.vtype === 'password' ? {} : Object.fromEntries(found),
      },
    };
  },

  *apply(_, a) {
    const line = [a.name, a.question, a.vtype, wanted(a)].join(' ');
    if (/[\n\0]/.test(line)) throw new ModuleError('an answer cannot hold a line break');
    yield* mustSh('debconf-set-selections failed', `debconf-set-selections${a.unseen ? ' -u' : ''}`, {
      stdin: `${line}\n`,
    });
    return {};
  },
});
