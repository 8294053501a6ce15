import { expect } from 'chai';
import { task as install } from '../../test/support/report-task.ts';
import type { RunEvent, TaskInfo } from '../engine/events.ts';
import { JsonReport } from './json.ts';
import { JunitReport } from './junit.ts';

const first: TaskInfo = { ...install, id: 'a:1', name: 'same', position: { file: 'a.yml', line: 1, col: 1 } };
const second: TaskInfo = { ...first, id: 'a:2', position: { file: 'a.yml', line: 2, col: 1 } };

const outcome = (task: TaskInfo, host: string, msg: string, failed = false): RunEvent => ({
  type: 'outcome',
  task,
  host,
  status: failed ? 'failed' : 'ok',
  ignored: false,
  result: { changed: false, msg, failed },
  elapsedMs: 1500,
});

/** Two tasks of one name, and hosts that go their own way. */
const EVENTS: readonly RunEvent[] = [
  { type: 'play-start', name: 'free', hosts: ['h1', 'h2'] },
  { type: 'task-start', task: first },
  { type: 'task-start', task: first },
  outcome(first, 'h1', 'one'),
  { type: 'task-end', task: first },
  { type: 'task-start', task: second },
  outcome(first, 'h2', 'late <one>', true),
  { type: 'task-end', task: first },
  outcome(second, 'h1', 'two'),
  { type: 'task-end', task: second },
  { type: 'warning', message: 'mind this' },
  { type: 'run-end', summary: { hosts: {}, exitCode: 2, elapsedMs: 3000, custom: {} } },
];

function written(
  report: (out: { write(text: string): void }) => JsonReport | JunitReport,
  events = EVENTS,
): string {
  let text = '';
  const made = report({
    write: part => {
      text += part;
    },
  });
  for (const event of events) made.on(event);
  made.finish();
  return text;
}

describe('the report json', () => {
  const { plays, warnings, exit_code } = JSON.parse(written(out => new JsonReport(out)));

  it('gives a result to the task it belongs to, whatever its name and whoever is late', () => {
    const found = plays[0].tasks.map(
      ({ path, hosts }: { path: string; hosts: Record<string, { msg: string }> }) => [
        path,
        Object.fromEntries(Object.entries(hosts).map(([host, { msg }]) => [host, msg])),
      ],
    );
    expect(found).to.deep.equal([
      ['a.yml:1', { h1: 'one', h2: 'late <one>' }],
      ['a.yml:2', { h1: 'two' }],
    ]);
  });

  it('holds warnings and the exit code', () => {
    expect([warnings, exit_code]).to.deep.equal([['mind this'], 2]);
  });

  it('makes a new record when a task runs again', () => {
    const again: RunEvent[] = [
      ...EVENTS.slice(0, -1),
      { type: 'task-start', task: first },
      outcome(first, 'h1', 'again'),
    ];
    const { tasks } = JSON.parse(written(out => new JsonReport(out), again)).plays[0];
    expect(tasks).to.have.lengthOf(3);
    expect(tasks[2].hosts.h1.msg).to.equal('again');
  });
});

describe('the report junit', () => {
  it('has a case for each task and host, with what failed, as XML', () => {
    const xml = written(out => new JunitReport(out));
    expect(xml.match(/<testcase /g)).to.have.lengthOf(3);
    expect(xml).to.include('<testsuite name="free" tests="3" failures="1" skipped="0" time="4.500">');
    expect(xml).to.include('<testcase name="[h2] same" classname="a.yml:1" time="1.500">');
    expect(xml).to.include('<failure message="late &lt;one&gt;">');
  });

  it('says that a run has no end', () => {
    expect(written(out => new JunitReport(out), EVENTS.slice(0, -1))).to.include('the run has no end');
  });
});
