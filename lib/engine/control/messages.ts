import { A, Type } from '../../modules/kit/arguments.ts';
import { SourceError } from '../../source/errors.ts';
import { type Json, toJson, toPlain, Undefined, Unsafe, type Value } from '../../source/value.ts';
import { type ControlCall, defineControl } from './control.ts';

/** debug: an undefined `var` is shown, an undefined name in `msg` fails. */
export const debug = defineControl({
  name: 'debug',
  summary: 'Prints a message or a variable.',
  examples: `
- name: Show what the server said
  debug: {var: control.stdout_lines}
- name: Show a sentence
  debug:
    msg: "{{ inventory_hostname }} replays with a delay of {{ delay }} s"
`,
  args: Type.Object({
    msg: A.opt(A.raw('What to print; any type.')),
    var: A.opt(A.str('Name of a variable, or an expression, to print.')),
    verbosity: A.int('Prints only from this many -v on.', { default: 0 }),
  }),
  rules: { mutuallyExclusive: [['msg', 'var']] },
  returns: { msg: 'The message.', '…': 'With `var`: the value, under the name that was asked for.' },
  run: call => {
    const { plain, args, playRun } = call;
    if (playRun.run.options.verbosity < Number(plain['verbosity'])) {
      return { result: { changed: false, skipped: true, skipped_reason: 'Verbosity threshold not met.' } };
    }
    const name = plain['var'];
    if (name === undefined)
      return {
        result: { changed: false, msg: args.has('msg') ? toJson(args.get('msg')!) : 'Hello world!' },
      };
    // Text of a host is never looked up as a variable: it is shown itself.
    if (args.get('var') instanceof Unsafe) return { result: { changed: false, [String(name)]: name } };
    return { result: { changed: false, [String(name)]: show(call, String(name)) } };
  },
});

function show({ playRun, scope, task }: ControlCall, expression: string): Json {
  try {
    const value = playRun.run.templar.evaluate(expression, scope, task.argsAt);
    return value instanceof Undefined ? 'VARIABLE IS NOT DEFINED!' : toJson(value);
  } catch (error) {
    if (error instanceof SourceError && error.code === 'UNDEFINED_VARIABLE')
      return 'VARIABLE IS NOT DEFINED!';
    throw error;
  }
}

export const fail = defineControl({
  name: 'fail',
  summary: 'Fails with a message of your own.',
  examples: `
- name: Refuse to go on with a replica that lags
  fail: {msg: "{{ inventory_hostname }} lags by {{ lag }} bytes"}
  when: lag | int > 16777216
`,
  args: Type.Object({ msg: A.raw('What to say.', { default: 'Failed as requested from task' }) }),
  returns: { msg: 'The message.' },
  run: ({ plain }) => ({
    result: { changed: false, failed: true, msg: plain['msg']! },
  }),
});

/** assert: checks conditions in order and names the first that does not hold. */
export const assert = defineControl({
  name: 'assert',
  summary: 'Fails unless all conditions hold.',
  examples: `
- name: Refuse a host with too little memory
  assert:
    that: ansible_memtotal_mb >= 4096
    fail_msg: "{{ ansible_memtotal_mb }} MB of memory: 4096 are needed"
`,
  args: Type.Object({
    that: A.rawList('Conditions, as in `when`.'),
    fail_msg: A.opt(A.raw('What to say when one does not hold.', { aliases: ['msg'] })),
    success_msg: A.opt(A.raw('What to say when all hold.')),
    quiet: A.bool('Says nothing about single conditions.', { default: false }),
  }),
  returns: { assertion: 'The condition that did not hold.', evaluated_to: 'Its value: false.' },
  run: ({ args, plain, playRun, scope, task }) => {
    const that = args.get('that')!;
    const conditions: Value[] = Array.isArray(that) ? that : [that];
    for (const condition of conditions) {
      if (playRun.run.templar.test(condition, scope, task.argsAt)) continue;
      const msg = plain['fail_msg'] ?? 'Assertion failed';
      return {
        result: { changed: false, failed: true, evaluated_to: false, assertion: toPlain(condition), msg },
      };
    }
    return { result: { changed: false, msg: plain['success_msg'] ?? 'All assertions passed' } };
  },
});
