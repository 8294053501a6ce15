import fc from 'fast-check';
import { allModules } from '../../lib/engine/module-list.ts';
import {
  type ActionModule,
  ModuleError,
  type Reply,
  type Request,
  type StateModule,
} from '../../lib/modules/kit/define.ts';
import { callSteps, type ModuleCall } from '../../lib/modules/kit/drive.ts';
import { markOf } from '../../lib/modules/kit/reply.ts';
import type { Json } from '../../lib/source/value.ts';
import { ON_A_COPY } from '../check-mode/on-a-copy.ts';
import { ON_A_LAB_HOST } from '../check-mode/on-a-lab-host.ts';
import { ON_ITS_OWN_KERNEL } from '../check-mode/on-its-own-kernel.ts';
import type { Scenario } from '../check-mode/prove.ts';
import { finishedArguments, testContext } from '../support/run-module.ts';
import { shellCode } from '../support/shell-code.ts';
import { FUZZED_TASKS } from './fuzzed-tasks.ts';

/** Tasks of every module, and a host that answers them as it likes: no program runs. */
type HostModule = StateModule | ActionModule;
export type Task = Readonly<Record<string, Json>>;
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...ON_A_COPY,
  ...ON_A_LAB_HOST,
  ...ON_ITS_OWN_KERNEL,
};
export const ASKED = '/srv/asked';
const OUTSIDE = '/srv/outside';
/** Names of records whose value may be a path elsewhere: where links lead, what the kernel or a program chose. */
const MAY_LEAD_ELSEWHERE = /^(real|link|target|source|home|user|file|mounts|name|device|known|p\d\.root)$/;

const STAT = '81a4|0|0|6|1|77|88|1700000000|1700000000|1700000000|root|root';
const VALUES = [
  '',
  '0',
  '1',
  '0022\n',
  '-1',
  'NaN',
  '99999999999999999999',
  'none',
  STAT,
  STAT.replace('81a4', '41ed'),
  STAT.replace('81a4', 'a1ff'),
  STAT.replace('81a4', 'zzzz'),
  '81a4|0|0',
  'writable',
  'missing',
  'readonly',
  ASKED,
  `${OUTSIDE}/f`,
  `${ASKED}/../outside/f`,
  `${STAT}|./../outside/f//\n`,
  `${STAT}|./a//\n${STAT}|/srv/outside/f//\n`,
  `${STAT}|./a/../../outside/f//\n`,
  `${STAT}|./ok//\n`,
  'link\0./../outside/f\0/etc/shadow\0end\0',
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  'root:x:0:0:root:/root:/bin/sh',
  'a:b:c',
  '{"a": {"b": [1, null]}}',
  '[null]',
  '[{"Id": 3, "State": "x", "Config": null, "HostConfig": {"Binds": 7, "PortBindings": []}, "Image": {}}]',
  '[{"Id": "a", "Config": {"Env": {}, "Labels": [], "Image": 1}, "State": {"Running": "yes", "Status": null},\
"HostConfig": {"RestartPolicy": [], "NetworkMode": null}, "NetworkSettings": {"Networks": "none"}, "Mounts": [null, 1]}]',
  '[{"Id": "a", "RepoTags": null, "RootFS": "x", "State": {"Running": true}, "Config": {"Env": [1, null]}}]',
  '[[[[',
  'null',
  '<a><b>',
  '\n\n\n',
  '\0\0',
  '\u001epath /srv/outside/f\n',
  '\n== dest ==\n/srv/outside/f\n',
  'HTTP/1.1 200 OK\nLocation: /srv/outside/f\n\n',
  'constructor\n__proto__ x\ntoString=1\n',
  'LoadState=loaded\nActiveState=active\nExecStart={ path=/bin/x\n',
  'enabled\n',
  '\udcff\udcfe',
  'x'.repeat(300),
  '1;2;3;4\n ;;;\n',
  `${ASKED}/$(:>took-over)\`:>took-over\``,
  `'; :>took-over; '"; :>took-over; "`,
  'x\n:>took-over\n',
];

/** What a host answers to one request. */
export interface Reaction {
  readonly rc: number;
  readonly picks: readonly number[];
  readonly noise: string;
}

/** What a client of a database prints: tables by the marks of its input, columns by the names in the queries. */
function tablesOf(input: string, pick: (i: number) => string): string {
  const names = [...new Set([...input.matchAll(/\bas (\w+)/g)].map(match => match[1]!))];
  const rows = Array.from({ length: pick(0).length % 3 }, (_, row) =>
    names.map((_, column) => pick(row * 7 + column)),
  );
  const delimiter = /^delimiter (\w+)$/m.exec(input)?.[1];
  if (delimiter !== undefined) {
    const cells = rows.map(
      row => `<row>${row.map((cell, i) => `<field name="${names[i]}">${cell}</field>`).join('')}</row>`,
    );
    return [...input.matchAll(/as mark, (\d+) as n/g)]
      .map(
        match => `<resultset statement="s">${cells.join('')}</resultset>
<resultset statement="m"><row><field name="mark">${delimiter}</field><field name="n">${match[1]}</field></row></resultset>`,
      )
      .join('');
  }
  const id = /<s([0-9a-f]{24})>/.exec(input)?.[1];
  if (id === undefined) return pick(1);
  const table = (lines: readonly (readonly string[])[]) =>
    lines.map(line => line.join(`<f${id}>`)).join(`<r${id}>`);
  const types = ['text', 'boolean', 'text[]', 'integer', 'jsonb', 'name[]'];
  return [...input.matchAll(/<s[0-9a-f]{24}>((\w+)[^']*)/g)]
    .map(([, section, kind]) => {
      const described = table([
        ['Column', 'Type'],
        ...names.map((name, i) => [name, types[pick(i).length % 6]!]),
      ]);
      const shown =
        kind === 'types' ? described : /^(typed|plain)$/.test(kind!) ? table([names, ...rows]) : '';
      return `<s${id}>${section}\n${shown}\n`;
    })
    .join('');
}

/** The records that a script can write, by its own text; values as the picks say. */
export function replyTo(request: Request, { rc, picks, noise }: Reaction): Reply {
  const empty = { rc: 0, stdout: '', stderr: '', stdoutBytes: Buffer.alloc(0), timedOut: false };
  if (request.kind !== 'sh') return empty;
  const mark = markOf(request.script) ?? '';
  const names = [
    ...new Set(
      [...request.script.matchAll(/\b(field|begin|part|each|see) ([\w-]+)/g)].map(m => `${m[1]} ${m[2]}`),
    ),
  ];
  let group = '';
  let text = noise;
  names.forEach((entry, i) => {
    const [kind, name] = entry.split(' ') as [string, string];
    if (kind === 'part') {
      group = `${name}.`;
      return;
    }
    const pick = picks[i % picks.length]!;
    if (pick % 11 === 0) return;
    const value = VALUES[pick % VALUES.length]!;
    const outside = value.includes('outside');
    text += `${mark}${group}${name}\n${outside && MAY_LEAD_ELSEWHERE.test(name) ? ASKED : value}`;
    if (pick % 13 === 0) text += `${mark}${name}\n${outside ? '' : value}`;
  });
  const pick = (i: number) => VALUES[(picks[i % picks.length]! + i) % VALUES.length]!;
  if (names.length === 0) text += tablesOf(String(request.stdin ?? ''), pick);
  const stderr = picks[0]! % 5 === 0 ? `${mark}it failed` : noise;
  return { rc, stdout: text, stderr, stdoutBytes: Buffer.from(text), timedOut: rc === 137 };
}

export const reactions = fc.array(
  fc.record({
    rc: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 94, 95, 96, 97, 98, 99, 137),
    picks: fc.array(fc.nat(10_000), { minLength: 1, maxLength: 24 }),
    noise: fc.constantFrom('', '', '', 'noise\n', '\0', 'r-0000000000000000-path\n/srv/outside/f'),
  }),
  { minLength: 1, maxLength: 6 },
);

/** What each module is asked for: the tasks of its scenarios of check mode, and others. */
const TASKS = [
  ...Object.entries(SCENARIOS).map(([name, { args, next = [] }]) => {
    const more = [{}, ...next.map(step => (Array.isArray(step) ? step[0] : step))];
    return [name, more.map(own => ({ ...args, ...own }))] as const;
  }),
  ...Object.entries(FUZZED_TASKS),
];

/** Every module that asks a host, and its tasks; those of `reboot` wait for a host that goes away and comes back. */
export const PLAYED = allModules()
  .filter((module): module is HostModule => module.kind !== 'control')
  .map(module => ({
    module,
    tasks: TASKS.flatMap(([name, tasks]): readonly Task[] => (name === module.name ? tasks : [])),
  }));

/** The arguments of such a task, checked and filled in; `~t` is the folder that is asked for. */
export function callOf(module: HostModule, task: Task): ModuleCall {
  const given = Object.fromEntries(Object.entries(task).filter(([, value]) => value !== null));
  const raw = JSON.parse(JSON.stringify(given).replaceAll('~t', ASKED)) as Record<string, Json>;
  return { module, args: finishedArguments(module, raw), ctx: testContext({ diffMode: true }) };
}

/** Plays the host; every request, up to the module's end or its own failure. */
export function requestsOf(call: ModuleCall, answers: readonly Reaction[]): Request[] {
  const steps = callSteps(call);
  const requests: Request[] = [];
  try {
    let next = steps.next();
    for (let i = 0; !next.done; i++) {
      if (i > 400) throw new Error('does not end');
      requests.push(next.value);
      next = steps.next(replyTo(next.value, answers[i % answers.length]!));
    }
    JSON.stringify(next.value);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
  }
  return requests;
}

/** The end of a script's code up to a command that an argument or a reply brought into it, if there is one. */
export function foreignCommand(request: Request): string | undefined {
  if (request.kind !== 'sh' && request.kind !== 'control' && request.kind !== 'at-end') return undefined;
  if (!request.script.includes('>took-over')) return undefined;
  const code = shellCode(request.script);
  const at = code.indexOf('>took-over');
  return at < 0 ? undefined : code.slice(Math.max(0, at - 300), at + 40);
}

/** What the request does something with: its script, or the paths of a file that travels. */
export function whatItActsOn(request: Request): string {
  if (request.kind === 'sh' || request.kind === 'control' || request.kind === 'at-end') return request.script;
  if (request.kind === 'send') return request.to;
  return request.kind === 'receive' ? `${request.from} ${request.to}` : '';
}
