import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { madeUpNight } from '../../../test/support/bench/made-up-nights.ts';
import { watchCommand } from '../commands/watch.ts';
import { historyFile } from '../output.ts';
import { refuseProduction } from '../production.ts';
import { progressText } from '../progress-line.ts';
import { appendHistory } from './history.ts';
import { notify, notifyTargets } from './notify.ts';
import { keepNights } from './retention.ts';

describe('bench: what a night needs besides the measuring', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-nightly-'));
  const received: string[] = [];
  let server: Server;
  let url = '';
  before(done => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => {
        body += chunk;
      });
      request.on('end', () => {
        received.push(body);
        response.writeHead(request.url === '/refused' ? 403 : 200).end();
      });
    }).listen(0, '127.0.0.1', () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });
  after(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });

  it('sends word to a webhook, and says what failed without its secret', async () => {
    const failed = await notify([`${url}/hook?token=secret`, `${url}/refused`, 'carrier pigeon'], {
      subject: 'Read-write −12 %',
      text: 'The report: x.html',
    });
    expect(JSON.parse(received[0]!)).to.deep.equal({ text: 'Read-write −12 %\nThe report: x.html' });
    expect(failed).to.have.length(2);
    expect(failed[0]).to.match(/^127\.0\.0\.1:\d+: it answered 403$/);
    expect(failed.join()).not.to.contain('secret');
  });

  it('reads more targets from the environment, where no list of processes shows them', () => {
    process.env.POLARPLAY_BENCH_NOTIFY = 'mailto:dba@example.org  https://example.org/hook';
    expect(notifyTargets(['mailto:me@example.org'])).to.have.length(3);
    delete process.env.POLARPLAY_BENCH_NOTIFY;
    expect(notifyTargets([])).to.deep.equal([]);
  });

  it('says when no run ended last night, to the webhook as well', async () => {
    const out = join(dir, 'watched');
    mkdirSync(out);
    received.length = 0;
    const watch = () => watchCommand(['--out', out, '--notify', url]);
    expect(await watch()).to.equal(2);
    expect(received.join()).to.contain('no benchmark ran in the last 26 hours');
    const { record } = madeUpNight({ nodes: 2, day: 0 });
    appendHistory(historyFile(out), record);
    expect(await watch()).to.equal(2);
    expect(received.at(-1)).to.contain('2026-09-01 02:00');
    appendHistory(historyFile(out), {
      ...record,
      at: new Date().toISOString(),
      endedAt: new Date().toISOString(),
    });
    expect(await watch()).to.equal(0);
    expect(received).to.have.length(2);
    // A night of a clock that was wrong once does not stand for those that come after it.
    const wrong = join(dir, 'wrong-clock');
    mkdirSync(wrong);
    appendHistory(historyFile(wrong), {
      ...record,
      at: '2099-01-01T02:00:00Z',
      endedAt: '2099-01-01T02:30:00Z',
    });
    expect(await watchCommand(['--out', wrong])).to.equal(2);
  });

  it('keeps the reports of the latest nights, and nothing else goes', () => {
    const out = join(dir, 'kept');
    mkdirSync(out);
    for (const day of ['01', '02', '03', '04'])
      for (const kind of ['html', 'md', 'json'])
        writeFileSync(join(out, `202609${day}T020000-nightly.${kind}`), '');
    // Those of `bench http` are not nights: many of them take none away.
    for (const at of ['20260902T150000', '20260904T150000', '20260904T160000', '20260904T170000'])
      writeFileSync(join(out, `${at}-http.json`), '');
    for (const name of ['history.jsonl', 'index.html', 'mine.html', '20260901T020000-nightly.running.jsonl'])
      writeFileSync(join(out, name), '');
    expect(keepNights(out, 2)).to.equal(7);
    expect(readdirSync(out).sort()).to.deep.equal([
      '20260901T020000-nightly.running.jsonl',
      '20260903T020000-nightly.html',
      '20260903T020000-nightly.json',
      '20260903T020000-nightly.md',
      '20260904T020000-nightly.html',
      '20260904T020000-nightly.json',
      '20260904T020000-nightly.md',
      '20260904T150000-http.json',
      '20260904T160000-http.json',
      '20260904T170000-http.json',
      'history.jsonl',
      'index.html',
      'mine.html',
    ]);
  });

  it('puts no load on a production cluster unless somebody says so', () => {
    const inventory = {
      hosts: new Map([['rw1', {}]]),
      layers: () => [{ vars: new Map([['production', true]]) }],
    } as unknown as Parameters<typeof refuseProduction>[0];
    expect(() => refuseProduction(inventory, false)).to.throw('rw1 is marked production: true');
    refuseProduction(inventory, true);
  });

  it('tells what is measured, how fast, what comes next and when it ends', () => {
    const cell = {
      title: 'read-only, 2 nodes',
      seconds: 30,
      position: 2,
      count: 8,
      next: 'read-write, 1 node',
      secondsAfter: 300,
    };
    const rates = new Map([
      ['rw1', { tps: 1000.4, latencyMs: 3 }],
      ['ro1', { tps: 900, latencyMs: 1 }],
    ]);
    const text = progressText(cell, rates, 12_000, new Date(2026, 8, 1, 2, 0, 0));
    expect(text).to.equal(
      '2/8 read-only, 2 nodes  12 of 30 s  1900 TPS, 2.05 ms  next: read-write, 1 node  ends about 02:05',
    );
  });
});
