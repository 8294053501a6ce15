import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderOf, runIn, startIn } from '../../../test/support/program.ts';

const HOSTS = `all:
  vars: {ansible_connection: local}
  children:
    storage: {hosts: {st1: }}
    nodes: {hosts: {rw1: }}
`;

describe('polarplay serve as a program', function () {
  this.timeout(60_000);
  let dir: string;
  before(() => {
    dir = folderOf({ 'hosts.yaml': HOSTS, token: 'correct-horse-battery\n' });
    chmodSync(join(dir, 'token'), 0o600);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs until the work is done and a signal ended it. */
  async function withServer(
    args: readonly string[],
    signal: NodeJS.Signals,
    work: (url: string) => Promise<void>,
  ) {
    const { child, ended } = startIn(dir, ['serve', '-i', 'hosts.yaml', '--listen', '0', ...args]);
    try {
      const url = await new Promise<string>((done, failed) => {
        let said = '';
        child.stderr!.on('data', part => {
          said += part;
          const found = /serving (http:\S+\/)/.exec(said)?.[1];
          if (found) done(found);
        });
        child.once('close', () => failed(new Error(said)));
      });
      await work(url);
    } finally {
      child.kill(signal);
    }
    return ended;
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    it(`tells what the hosts say, and ends with ${signal} while connections are open`, async () => {
      const open: { destroy(): void }[] = [];
      const { code } = await withServer([], signal, async url => {
        const { port } = new URL(url);
        const stalled = connect(Number(port), '127.0.0.1', () => stalled.write('GET / HTTP/1.1\r\nHost: x'));
        stalled.on('error', () => {});
        open.push(stalled);
        const status = (await (await fetch(`${url}status.json`)).json()) as { problems: string[] };
        expect(status.problems.join('\n')).to.match(/no storage host answers|st1: nothing is deployed/);
        expect((await fetch(url)).headers.get('content-type')).to.contain('text/html');
      });
      for (const socket of open) socket.destroy();
      expect(code).to.equal(0);
    });

  it('wants the token of the file, and does not say it', async () => {
    const { code, stderr } = await withServer(['--token-file', 'token'], 'SIGTERM', async url => {
      expect((await fetch(url)).status).to.equal(401);
      const headers = { authorization: 'Bearer correct-horse-battery' };
      expect((await fetch(`${url}reports.json`, { headers })).status).to.equal(200);
    });
    expect(code).to.equal(0);
    expect(stderr).to.contain('with a token').and.not.contain('correct');
  });

  it('refuses what it cannot do, and says why', async () => {
    const taken = createServer();
    await new Promise<void>(done => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    writeFileSync(join(dir, 'open'), 'correct-horse-battery');
    chmodSync(join(dir, 'open'), 0o644);
    writeFileSync(join(dir, 'short'), 'secret');
    chmodSync(join(dir, 'short'), 0o600);
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--listen', `127.0.0.1:${port}`], /port \d+ of 127\.0\.0\.1 is taken/],
      [['--listen', 'db.example:80'], /--listen wants ADDRESS:PORT/],
      [['--listen', '127.0.0.1:99999'], /--listen wants ADDRESS:PORT/],
      [['--listen', '192.0.2.1:80'], /--listen 192\.0\.2\.1:80: .*EADDRNOTAVAIL/],
      [['--token-file', 'open'], /everybody on this machine may read it/],
      [['--token-file', 'short'], /at least 16 characters/],
      [['--token-file', 'none'], /--token-file none: ENOENT/],
      [['--max-age', 'x'], /--max-age wants a number/],
      [['--tokn', 'x'], /unknown option --tokn/],
    ];
    try {
      const answers = await Promise.all(
        cases.map(([args]) => runIn(dir, ['serve', '-i', 'hosts.yaml', ...args])),
      );
      for (const [i, { code, stderr }] of answers.entries()) {
        expect(stderr, cases[i]![0].join(' ')).to.match(cases[i]![1]).and.not.contain('secret');
        expect(code).to.equal(5);
      }
    } finally {
      taken.close();
    }
  });
});
