import { expect } from 'chai';
import { task as install } from '../../test/support/report-task.ts';
import { until } from '../../test/support/until.ts';
import { plain } from './style.ts';
import { TerminalReport } from './terminal.ts';

const task = { ...install, name: 'web : build' };
const options = { paint: plain, width: 60, verbosity: 0, showDiff: false };

/** What is written, from the start of a task on, once its clock has gone on by this much. */
async function written({ live, seconds, lines }: { live: boolean; seconds: number; lines: string[] }) {
  let now = 0;
  let text = '';
  const report = new TerminalReport({ write: part => (text += part) }, options, live, () => now);
  report.on({ type: 'host-start', task, host: 'h1' });
  for (const line of lines) report.on({ type: 'host-output', task, host: 'h1', line });
  now = seconds * 1000;
  try {
    await until(() => text !== '');
  } finally {
    report.finish();
  }
  return text;
}

describe('work that takes long', () => {
  it('is mentioned in a log, with its newest line', async () => {
    const text = await written({ live: false, seconds: 31, lines: ['one', '\u001b[31mtwo\u001b[0m'] });
    expect(text).to.equal('... still running: [h1] web : build, 31.0 s: two\n');
  });

  it('is mentioned in a log when it says nothing', async () => {
    const text = await written({ live: false, seconds: 90, lines: [] });
    expect(text).to.equal('... still running: [h1] web : build, 1 min 30 s\n');
  });

  it('has a live line on a terminal, which goes away', async () => {
    const text = await written({ live: true, seconds: 2, lines: [`two ${'x'.repeat(80)}`] });
    expect(text).to.match(/^\[h1\] 2\.0 s {2}two x+…\r\u001b\[2K$/);
    expect(text.split('\r')[0]!.length).to.equal(59);
  });

  it('goes away in a window that has become narrower too', async () => {
    let columns = 60;
    let now = 0;
    let text = '';
    const window = { ...options, liveWidth: () => columns, height: () => 24 };
    const report = new TerminalReport({ write: part => (text += part) }, window, true, () => now);
    for (const host of ['h1', 'h2']) {
      report.on({ type: 'host-start', task, host });
      report.on({ type: 'host-output', task, host, line: '主机'.repeat(40) });
    }
    now = 2000;
    await until(() => text !== '');
    columns = 40;
    report.finish();
    // Two lines of 59 columns stand on four rows now.
    expect(text).to.match(/\r\u001b\[3A\u001b\[0J$/);
  });
});
