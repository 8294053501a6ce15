import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RunEvent, TaskInfo } from '../engine/events.ts';
import { type Entry, Journal, readJournal } from './journal.ts';
import { html } from './markup.ts';
import { runPage } from './page.ts';
import { plain } from './style.ts';
import { formatTable } from './table.ts';

const task = (name: string): TaskInfo => ({
  id: name,
  name,
  module: 'copy',
  handler: false,
  position: { file: 'site.yml', line: 7, col: 3 },
  tags: [],
});
const outcome = (name: string, status: 'changed' | 'failed', result: object): RunEvent => ({
  type: 'outcome',
  task: task(name),
  host: '主机1',
  status,
  ignored: false,
  elapsedMs: 1500,
  result: { changed: status === 'changed', ...result },
});
const EVENTS: readonly RunEvent[] = [
  { type: 'run-start', playbooks: ['site.yml'], checkMode: false, diffMode: true },
  { type: 'play-start', name: 'all', hosts: ['主机1'] },
  outcome('Write it', 'changed', {
    diff: [{ before: 'old <b>\n', after: 'new <script>alert(1)</script>\n' }],
  }),
  outcome('Break it', 'failed', { msg: '</pre><script>alert(2)</script>\u001b[31m', rc: 3, big: 2n ** 60n }),
];
const END: RunEvent = {
  type: 'run-end',
  summary: {
    exitCode: 2,
    elapsedMs: 3000,
    custom: {},
    hosts: {
      主机1: { ok: 0, changed: 1, unreachable: 0, failed: 1, skipped: 0, rescued: 0, ignored: 0, unknown: 0 },
    },
  },
};
const entries = (events: readonly RunEvent[]): Entry[] =>
  events.map((event, i) => ({ ...event, at: 1e12 + i * 1000 }));

describe('what a run leaves behind', () => {
  it('a page: failures before changes, with the diff, and nothing that a host could inject', () => {
    const page = runPage(entries([...EVENTS, END]));
    expect(page.indexOf('<h2>Failed</h2>')).to.be.greaterThan(0).and.lessThan(page.indexOf('Changed: 1'));
    expect(page).to.contain('>+new &#60;script&#62;');
    expect(page).to.contain('exit code 2');
    expect(page).to.contain('主机1');
    expect(page).not.to.contain('<script');
    expect(page).not.to.contain('\u001b');
    expect(page).not.to.match(/(src|href)=/);
  });

  it('a page of a run that was killed says so', () => {
    expect(runPage(entries(EVENTS))).to.contain('the run did not end by itself');
  });

  it('a journal that only its owner reads, whose last line may be half', () => {
    const folder = mkdtempSync(join(tmpdir(), 'polarplay-journal-'));
    try {
      const file = join(folder, 'run.jsonl');
      const failures: Error[] = [];
      const journal = new Journal(
        () => file,
        error => failures.push(error),
      );
      for (const event of EVENTS) journal.on(event);
      journal.finish();
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      writeFileSync(file, `${readFileSync(file, 'utf8')}{"at":1,"type":"outc`);
      expect(readJournal(file).map(({ type }) => type)).to.deep.equal(EVENTS.map(({ type }) => type));
      // A second run never writes over it, and goes on without.
      const second = new Journal(
        () => file,
        error => failures.push(error),
      );
      for (const event of EVENTS) second.on(event);
      expect(failures.map(error => (error as NodeJS.ErrnoException).code)).to.deep.equal(['EEXIST']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('markup takes values as text, and markup as markup', () => {
    expect(html`<p title="${'"'}">${['<', html`<b>${1}</b>`, undefined]}</p>`.text).to.equal(
      '<p title="&#34;">&#60;<b>1</b></p>',
    );
  });

  it('tables line up, whatever the script', () => {
    const text = formatTable(
      ['HOST', 'STATE'],
      [
        ['数据库', 'up'],
        ['rw1', 'down'],
        ['é', 'up'],
      ],
      plain,
    );
    expect(text.split('\n')).to.deep.equal(['HOST    STATE', '数据库  up', 'rw1     down', 'é       up']);
  });
});
