import { expect } from 'chai';
import fc from 'fast-check';
import { allModules } from '../../lib/engine/module-list.ts';
import { ModuleError, type Reply, type Request } from '../../lib/modules/kit/define.ts';
import { callSteps, type ModuleCall } from '../../lib/modules/kit/drive.ts';
import { markOf } from '../../lib/modules/kit/reply.ts';
import type { Json } from '../../lib/source/value.ts';
import { ON_A_COPY } from '../check-mode/on-a-copy.ts';
import { ON_A_LAB_HOST } from '../check-mode/on-a-lab-host.ts';
import { ON_ITS_OWN_KERNEL } from '../check-mode/on-its-own-kernel.ts';
import type { Story } from '../check-mode/prove.ts';
import { finishedArguments, testContext } from '../support/run-module.ts';

/**
 * A host that answers anything: whatever it says, a module ends with a result or with its own failure, after some
 * requests, and never acts on a path that nobody asked for.
 */
const STORIES: Readonly<Record<string, Story>> = { ...ON_A_COPY, ...ON_A_LAB_HOST, ...ON_ITS_OWN_KERNEL };
const ASKED = '/srv/asked';
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
];

interface Reaction {
  readonly rc: number;
  readonly picks: readonly number[];
  readonly noise: string;
}

/** The records that a script can write, by its own text; values as the picks say. */
function replyTo(request: Request, { rc, picks, noise }: Reaction): Reply {
  const empty = { rc: 0, stdout: '', stderr: '', stdoutBytes: Buffer.alloc(0), timedOut: false };
  if (request.kind !== 'sh') return empty;
  const mark = markOf(request.script) ?? '';
  const names = [
    ...new Set([...request.script.matchAll(/\b(field|begin|part) ([\w-]+)/g)].map(m => `${m[1]} ${m[2]}`)),
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
  if (names.length === 0) text += VALUES[picks[0]! % VALUES.length];
  const stderr = picks[0]! % 5 === 0 ? `${mark}it failed` : noise;
  return { rc, stdout: text, stderr, stdoutBytes: Buffer.from(text), timedOut: rc === 137 };
}

const reactions = fc.array(
  fc.record({
    rc: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 94, 95, 96, 97, 98, 99, 137),
    picks: fc.array(fc.nat(10_000), { minLength: 1, maxLength: 24 }),
    noise: fc.constantFrom('', '', '', 'noise\n', '\0', 'r-0000000000000000-path\n/srv/outside/f'),
  }),
  { minLength: 1, maxLength: 6 },
);

/** What each module is asked for: the tasks of its story. */
const calls = Object.entries(STORIES).flatMap(([name, { args, next = [] }]) => {
  const module = allModules().find(one => one.name === name);
  if (!module || module.kind === 'control' || name === 'reboot') return [];
  const tasks = [{}, ...next.map(turn => (Array.isArray(turn) ? turn[0] : turn))];
  return tasks.map((more): ModuleCall => {
    const merged = Object.entries({ ...args, ...more }).filter(([, value]) => value !== null);
    const raw = JSON.parse(JSON.stringify(Object.fromEntries(merged)).replaceAll('~t', ASKED)) as Record<
      string,
      Json
    >;
    return { module, args: finishedArguments(module, raw), ctx: testContext({ diffMode: true }) };
  });
});

function play(call: ModuleCall, answers: readonly Reaction[]): void {
  const steps = callSteps(call);
  const scripts: string[] = [];
  try {
    let next = steps.next();
    for (let i = 0; !next.done; i++) {
      if (i > 400) throw new Error('does not end');
      if (next.value.kind === 'sh') scripts.push(next.value.script);
      next = steps.next(replyTo(next.value, answers[i % answers.length]!));
    }
    JSON.stringify(next.value);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
  }
  // What a file held goes back into it: that is content.
  const acts = scripts.map(script => script.replace(/printf %s '(?:[^']|'\\'')*' >&5/g, ''));
  const bad = acts.find(script => /srv\/outside|\.\.\/outside/.test(script));
  if (bad !== undefined) throw new Error(`acts on a path that nobody asked for:\n${bad.slice(-1500)}`);
}

describe('attacks: replies that a host makes up', function () {
  this.timeout(3_600_000);
  const runs = Number(process.env.FUZZ_RUNS ?? 40);

  for (const name of new Set(calls.map(call => call.module.name))) {
    it(`end ${name} with a result or its own failure`, () => {
      const own = calls.filter(call => call.module.name === name);
      fc.assert(
        fc.property(fc.nat(own.length - 1), reactions, (at, answers) => play(own[at]!, answers)),
        { numRuns: runs },
      );
    });
  }

  it('are tried on every module that a story is told of', () => {
    expect(calls.length).to.be.greaterThan(100);
  });
});
