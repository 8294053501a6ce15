import { expect } from 'chai';
import stringWidth from 'string-width';
import { task } from '../../test/support/report-task.ts';
import type { HostOutcome, RunEvent, Status } from '../engine/events.ts';
import type { Result } from '../modules/kit/define.ts';
import { duration, eventText } from './lines.ts';
import { plain } from './style.ts';

const options = { paint: plain, width: 60, verbosity: 0, showDiff: true };
const outcome = (status: Status, result: Partial<Result>, more: Partial<HostOutcome> = {}): RunEvent => ({
  type: 'outcome',
  task,
  host: 'h1',
  status,
  ignored: false,
  result: { changed: false, ...result } as Result,
  elapsedMs: 1,
  ...more,
});

describe('eventText', () => {
  const cases: [string, RunEvent, string][] = [
    [
      'a banner of wide characters',
      { type: 'play-start', name: '检查', hosts: [] },
      `\nPLAY [检查] ${'*'.repeat(48)}\n`,
    ],
    ['a banner', { type: 'task-start', task }, `\nTASK [web : install] ${'*'.repeat(39)}\n`],
    ['ok', outcome('ok', {}), 'ok: [h1]\n'],
    ['a delegate', outcome('changed', {}, { delegate: 'st1' }), 'changed: [h1 -> st1]\n'],
    [
      'unknown',
      outcome('unknown', { unknown: 'unknown until "make" has run' }),
      'unknown: [h1] => unknown until "make" has run\n',
    ],
    [
      'no more of a hidden host that is out of reach',
      outcome('unreachable', { censored: 'hidden' }),
      'fatal: [h1]: UNREACHABLE! => hidden\n',
    ],
    [
      'a failure with all a person needs',
      outcome('failed', { msg: 'non-zero return code', cmd: ['false', '-x'], rc: 1, stderr: 'no\nway\n' }),
      'fatal: [h1]: FAILED! => non-zero return code\n    at        site.yml:3:5\n    command   false -x\n    exit code 1\n    stderr    no\n              way\n',
    ],
    [
      'a mistake with its place and hint, which the message of the result leaves out',
      outcome('failed', {
        msg: 'words',
        hint: 'do so',
        error: { code: 'WRONG_TYPE', message: 'it', file: 'a.yml', line: 2, col: 3 },
      }),
      'fatal: [h1]: FAILED! => a.yml:2:3 it\n    hint      do so\n    at        site.yml:3:5\n',
    ],
    [
      'an ignored failure',
      outcome('failed', { msg: 'x' }, { ignored: true }),
      'fatal: [h1]: FAILED! => x\n    at        site.yml:3:5\n...ignoring\n',
    ],
    [
      'nothing of a censored result',
      outcome('failed', { censored: 'hidden' }),
      'fatal: [h1]: FAILED! => hidden\n    at        site.yml:3:5\n',
    ],
    [
      'a diff',
      outcome('changed', { diff: [{ before: 'a\n', after: 'b\n', beforeHeader: '/x' }] }),
      '--- before: /x\n+++ after\n@@ -1,1 +1,1 @@\n-a\n+b\n\nchanged: [h1]\n',
    ],
    [
      'the recap',
      {
        type: 'run-end',
        summary: {
          hosts: {
            h1: {
              ok: 2,
              changed: 1,
              unreachable: 0,
              failed: 0,
              skipped: 3,
              rescued: 0,
              ignored: 0,
              unknown: 0,
            },
          },
          exitCode: 0,
          elapsedMs: 2500,
          custom: {},
        },
      },
      `\nPLAY RECAP ${'*'.repeat(49)}\nh1                         : ok=2    changed=1    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0   \n\ntotal time 2.5 s\n`,
    ],
  ];
  for (const [name, event, text] of cases)
    it(`shows ${name}`, () => expect(eventText(event, options)).to.equal(text));
});

describe('the recap in a narrow window', () => {
  const stats = {
    ok: 120,
    changed: 12,
    unreachable: 0,
    failed: 0,
    skipped: 30,
    rescued: 0,
    ignored: 0,
    unknown: 0,
  };
  const summary = {
    hosts: { 'pg1.example.com': stats, 存储主机: stats },
    exitCode: 0,
    elapsedMs: 1,
    custom: {},
  };

  it('lines up when a name is long', () => {
    const hosts = { ro2: stats, '只读-上海机房二号': stats };
    const text = eventText(
      { type: 'run-end', summary: { ...summary, hosts } },
      { ...options, liveWidth: () => 80 },
    );
    const before = text.split('\n').flatMap(line => /^(.*) : ok=/.exec(line)?.[1] ?? []);
    expect(before.map(name => stringWidth(name))).to.deep.equal([17, 17]);
  });

  it('fits, and leaves out later columns that are zero', () => {
    const text = eventText({ type: 'run-end', summary }, { ...options, liveWidth: () => 80 });
    expect(text).to.include('pg1.example.com  : ok=120 changed=12 unreachable=0  failed=0  skipped=30\n');
    expect(text).to.include('存储主机         : ok=120 changed=12 ');
    for (const line of text.split('\n')) expect(stringWidth(line)).to.be.at.most(80);
  });
});

describe('duration', () => {
  for (const [ms, text] of [
    [12, '12 ms'],
    [1234, '1.2 s'],
    [245_000, '4 min 05 s'],
  ] as const) {
    it(text, () => expect(duration(ms)).to.equal(text));
  }
});
