import { expect } from 'chai';
import { task as install } from '../../test/support/report-task.ts';
import type { RunEvent, TaskInfo } from '../engine/events.ts';
import { type DocumentReport, KeptFile } from './document.ts';
import { EventLines } from './journal.ts';
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
  result: failed ? { changed: false, msg, failed } : { changed: false, msg, failed },
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

function written(report: DocumentReport, events = EVENTS): string {
  for (const event of events) report.on(event);
  return report.text();
}

describe('the report json', () => {
  const { plays, warnings, exit_code } = JSON.parse(written(new JsonReport()));

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
    const { tasks } = JSON.parse(written(new JsonReport(), again)).plays[0];
    expect(tasks).to.have.lengthOf(3);
    expect(tasks[2].hosts.h1.msg).to.equal('again');
  });
});

describe('the report junit', () => {
  it('has a case for each task and host, with what failed, as XML', () => {
    const xml = written(new JunitReport());
    expect(xml.match(/<testcase /g)).to.have.lengthOf(3);
    expect(xml).to.include('<testsuite name="free" tests="3" failures="1" skipped="0" time="4.500">');
    expect(xml).to.include('<testcase name="[h2] same" classname="a.yml:1" time="1.500">');
    expect(xml).to.include('<failure message="late &lt;one&gt;">');
  });

  it('says that a run has no end', () => {
    expect(written(new JunitReport(), EVENTS.slice(0, -1))).to.include('the run has no end');
  });
});

describe('a report of a run that is under way', () => {
  it('can be read at any time: it tells how far the run has come, and that it has no end', () => {
    const saved: string[] = [];
    let now = 0;
    const file = new KeptFile(
      new JsonReport(),
      text => saved.push(text),
      () => now,
    );
    file.on({ type: 'run-start', playbooks: ['site.yml'], checkMode: false, diffMode: false });
    for (const event of EVENTS.slice(0, -1)) {
      now += 600;
      file.on(event);
    }
    const all = saved.map(text => JSON.parse(text));
    expect(all.map(({ exit_code }) => exit_code)).to.deep.equal([null, null, null, null]);
    expect(all[0].plays).to.deep.equal([]);
    expect(all[1].plays[0].tasks[0].hosts).to.have.keys(['h1']);
    expect(all[2].plays[0].tasks[0].hosts).to.have.keys(['h1', 'h2']);
  });

  it('does not take more than its share of the time, however long it is', () => {
    let now = 0;
    let saves = 0;
    const slow = () => {
      saves++;
      now += 1000;
    };
    const file = new KeptFile(new JsonReport(), slow, () => now);
    for (; now < 200_000; now += 10) file.on({ type: 'task-end', task: first });
    expect(saves).to.equal(4);
  });

  it('is a line for each event, as it happens, without what only a later run needs', () => {
    const lines: string[] = [];
    const report = new EventLines({ write: text => lines.push(text) });
    const origin = { command: {}, extraVars: {}, hosts: {}, files: {} };
    report.on({ type: 'run-start', playbooks: ['site.yml'], checkMode: false, diffMode: false, origin });
    report.on({ type: 'file-read', file: 'x', sum: 'y' });
    report.on({ ...(EVENTS[3] as Extract<RunEvent, { type: 'outcome' }>), digest: 'd' });
    const [start, outcome] = lines.map(line => JSON.parse(line));
    expect(lines).to.have.lengthOf(2);
    expect(start).to.have.keys(['at', 'type', 'playbooks', 'checkMode', 'diffMode']);
    expect([outcome.type, outcome.host, outcome.task.id, outcome.digest]).to.deep.equal([
      'outcome',
      'h1',
      'a:1',
      undefined,
    ]);
  });
});
