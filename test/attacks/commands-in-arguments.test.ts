import { expect } from 'chai';
import fc from 'fast-check';

import { quote } from '../../lib/modules/kit/define.ts';
import type { ModuleCall } from '../../lib/modules/kit/drive.ts';
import type { Json } from '../../lib/source/value.ts';
import { shellCode } from '../support/shell-code.ts';
import {
  callOf,
  foreignCommand,
  PLAYED,
  type Reaction,
  reactions,
  requestsOf,
  type Task,
  whatItActsOn,
} from './played-host.ts';

/** Code where it is not quoted; one word, so that no module may take it apart into harmless ones. */
const COMMAND = ':>took-over';
const FORMS = [`$(${COMMAND})\`${COMMAND}\``, `'; ${COMMAND}; '"; ${COMMAND}; "`, `x\n${COMMAND}\n`];

/** Arguments that are shell text, and why. */
const SHELL_TEXT: Readonly<Record<string, string>> = {
  'raw.cmd': 'the shell runs it',
  'shell.cmd': 'the shell runs it',
  'reboot.boot_time_command': 'the shell runs it',
  'script.cmd': 'a file and what the shell makes of the words behind it, as in Ansible',
  'script.executable': 'the words before the file',
  'fetch.dest': 'a path of the control machine, which makes folders there: no script holds it',
};

/** The task with the text in one argument: as it is, behind a path, behind what is there, in a list, as key and value. */
function withText(task: Task, name: string, kind: string, text: string): Task[] {
  const now = task[name];
  const values: Json[] = [];
  if (kind === 'path' || kind === 'str' || kind === 'raw')
    values.push(text, `/srv/asked/${text}`, `/tmp/polarplay-${text}`);
  if (typeof now === 'string') values.push(now + text);
  if (kind === 'list' || kind === 'rawList' || kind === 'raw') values.push([text]);
  if (kind === 'list' && typeof now !== 'string') values.push([...(Array.isArray(now) ? now : []), text]);
  if (kind === 'dict' || kind === 'raw' || kind === 'rawList') {
    const entries = typeof now === 'object' && now !== null && !Array.isArray(now) ? now : {};
    const dicts: Json[] = [
      { ...entries, [text]: 'v' },
      { ...entries, k: text },
    ];
    for (const [key, value] of Object.entries(entries))
      dicts.push({ ...entries, [key]: typeof value === 'string' ? value + text : [text] });
    values.push(...(kind === 'rawList' ? dicts.map(one => [one]) : dicts));
  }
  return values.map(value => ({ ...task, [name]: value }));
}

function callsWith(module: (typeof PLAYED)[number]['module'], task: Task, name: string, kind: string) {
  return FORMS.flatMap(text => withText(task, name, kind, text)).flatMap(one => {
    try {
      return [callOf(module, one)];
    } catch {
      return []; // the schema refuses it
    }
  });
}

/** Replies that lead to the most scripts of different code, for the task as it is. */
function tellingReplies(call: ModuleCall): (readonly Reaction[])[] {
  const seen = new Set<string>();
  return REPLIES.filter(answers => {
    const before = seen.size;
    for (const request of requestsOf(call, answers))
      seen.add(whatItActsOn(request).replace(/[0-9a-f]{12,}|'[^']*'/g, ''));
    return seen.size > before;
  }).slice(0, 5);
}
const REPLIES = fc.sample(reactions, { numRuns: 60, seed: 11 });

const kindOf = (schema: object) => ('x-kind' in schema ? String(schema['x-kind']) : '');

describe('attacks: commands in arguments', function () {
  this.timeout(60_000);

  for (const { module, tasks } of PLAYED) {
    const texts = Object.entries(module.args.properties).filter(
      ([name, schema]) =>
        /^(str|path|list|rawList|dict|raw|mode)$/.test(kindOf(schema)) &&
        !(`${module.name}.${name}` in SHELL_TEXT),
    );
    if (texts.length === 0) continue;
    it(`${module.name} takes them for text`, () => {
      for (const task of tasks) {
        const replies = tellingReplies(callOf(module, task));
        for (const [name, schema] of texts)
          for (const call of callsWith(module, task, name, kindOf(schema)))
            for (const answers of replies)
              expect(requestsOf(call, answers).map(foreignCommand).find(Boolean), name).to.equal(undefined);
      }
    });
  }

  it('are looked for in the arguments of every module', () => {
    expect(PLAYED.filter(({ tasks }) => tasks.length === 0).map(({ module }) => module.name)).to.deep.equal(
      [],
    );
    const known = PLAYED.flatMap(({ module }) =>
      Object.keys(module.args.properties).map(name => `${module.name}.${name}`),
    );
    expect(Object.keys(SHELL_TEXT).filter(name => !known.includes(name))).to.deep.equal([]);
  });

  it('are told from text by the quotes around them', () => {
    const isCode = (script: string) => shellCode(script).includes(COMMAND);
    const text = `a$(${COMMAND})`;
    for (const script of [
      `fail "cannot enter ${text}"`,
      `fail "cannot enter ${quote(text)}"`,
      `x=$(echo "$(ls ${quote('it is')} ${text})")`,
      `echo ${quote("it's")} ${text}`,
      `eval ${quote(`ls ${text}`)}`,
      `sh -c ${quote(`eval ${quote(`ls ${text}`)}`)}`,
      `echo "\${x:-${text}}"`,
    ])
      expect(isCode(script), script).to.equal(true);
    for (const script of [
      `fail "cannot enter "${quote(text)}`,
      `x=$(echo "$(ls ${quote(`it's ${text}`)})") # ${text}`,
      `sh -c ${quote(`eval ${quote(`ls ${quote(text)}`)}`)}`,
      `case $x in a) echo "\${x#*/}";; esac; echo ${quote(text)}`,
    ])
      expect(isCode(script), script).to.equal(false);
  });
});
