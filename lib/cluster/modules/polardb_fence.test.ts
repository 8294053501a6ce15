import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../../test/support/free-port.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { until } from '../../../test/support/until.ts';
import { letsIn, polardbFence } from './polardb_fence.ts';

describe('polardb_fence', function () {
  this.timeout(90_000);
  it('takes a client off the list, and letting it in again leaves the list as it was', async () => {
    await withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      const before = '10.0.0.10\n10.0.0.11\n10.0.0.9\n';
      writeFileSync(authfile, before);
      const fence = (fenced: boolean) =>
        runModule(polardbFence, { address: '10.0.0.10', fenced, authfile, port: 1 });
      expect(await fence(true)).to.include({ changed: true, listed: true, sessions: 0 });
      expect(readFileSync(authfile, 'utf8')).to.equal('10.0.0.11\n10.0.0.9\n');
      expect(await fence(true)).to.include({ changed: false });
      expect(await fence(false)).to.include({ changed: true, listed: false });
      expect(readFileSync(authfile, 'utf8')).to.equal(before);
      expect(await fence(false)).to.include({ changed: false });
    });
  });

  it('knows the last line of a list that ends without a line break', async () => {
    await withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      const fence = (address: string, fenced: boolean) =>
        runModule(polardbFence, { address, fenced, authfile, port: 1 });
      writeFileSync(authfile, '10.0.0.9\n10.0.0.10');
      expect(await fence('10.0.0.12', false)).to.include({ changed: true, sessions: 0 });
      expect(readFileSync(authfile, 'utf8')).to.equal('10.0.0.10\n10.0.0.12\n10.0.0.9\n');
      writeFileSync(authfile, '10.0.0.10');
      expect(await fence('10.0.0.10', true)).to.include({ changed: true, listed: true });
      expect(readFileSync(authfile, 'utf8')).to.equal('');
    });
  });

  it('knows which lines of the list let an address in', () => {
    const cases: readonly [string, string, boolean][] = [
      ['10.0.0.0/24', '10.0.0.10', true],
      ['10.0.0.0/28', '10.0.0.10', true],
      ['10.0.0.0/29', '10.0.0.10', false],
      ['10.0.1.0/24', '10.0.0.10', false],
      ['10.0.0.10', '10.0.0.10', true],
      ['10.0.0.1', '10.0.0.10', false],
      ['fd00::/64', 'fd00::7', true],
      ['fd00::/64', '10.0.0.10', false],
      ['10.0.0.0/x', '10.0.0.10', false],
      ['# 10.0.0.0/8', '10.0.0.10', false],
    ];
    for (const [line, address, expected] of cases)
      expect(letsIn(line, address), `${line} ${address}`).to.equal(expected);
  });

  it('refuses where the list lets the client in by another line, and changes nothing', async () => {
    await withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      const before = '10.0.0.0/24\n10.0.0.10\n';
      writeFileSync(authfile, before);
      const result = await runModule(polardbFence, { address: '10.0.0.10', fenced: true, authfile, port: 1 });
      expect(result.msg).to.include(`10.0.0.0/24 in ${authfile} lets it in as well`);
      expect(readFileSync(authfile, 'utf8')).to.equal(before);
    });
  });

  it('ends a server whose client has already closed its end', async () => {
    await withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      writeFileSync(authfile, '127.0.0.1\n');
      const server = spawn(process.execPath, [
        '-e',
        `require('net').createServer({ allowHalfOpen: true }, s => { s.resume(); s.on('end', () => console.log('closed')); })
          .listen(0, '127.0.0.1', function () { console.log(this.address().port); })`,
      ]);
      const gone = once(server, 'exit');
      try {
        const [port] = (await once(server.stdout, 'data')) as [Buffer];
        const client = connect(Number(port), '127.0.0.1');
        client.on('error', () => {});
        await once(client, 'connect');
        client.end();
        await once(server.stdout, 'data');
        const result = await runModule(polardbFence, {
          address: '127.0.0.1',
          fenced: true,
          authfile,
          port: Number(port),
        });
        expect(result).to.include({ changed: true, sessions: 1 });
        expect((await gone)[1]).to.equal('SIGKILL');
      } finally {
        server.kill('SIGKILL');
      }
    });
  });

  it('shuts out a client that connects again and again, as a health endpoint does', async function () {
    if (spawnSync('nbd-server', ['-V']).error || spawnSync('nbdcopy', ['--version']).error) this.skip();
    await withTemporaryDirectory(async dir => {
      const port = await freePort();
      const authfile = join(dir, 'allow');
      const uri = `nbd://127.0.0.1:${port}/disk`;
      writeFileSync(authfile, '127.0.0.1\n');
      writeFileSync(join(dir, 'disk'), Buffer.alloc(8 * 2 ** 20));
      writeFileSync(
        join(dir, 'conf'),
        `[generic]\nlistenaddr = 127.0.0.1\nport = ${port}\n[disk]\nexportname = ${dir}/disk\nauthfile = ${authfile}\n`,
      );
      const pidFile = join(dir, 'pid');
      // As systemd does: a main process that was killed while it took a connection is started again.
      const service = spawn(
        'bash',
        [
          '-c',
          'while :; do kill -0 "$(cat "$2" 2>/dev/null)" 2>/dev/null || { rm -f "$2"; nbd-server -C "$1" -p "$2"; }; sleep 0.1; done',
          'service',
          join(dir, 'conf'),
          pidFile,
        ],
        { stdio: 'ignore' },
      );
      // Looks without a pause, and is always about to be refused.
      const look = () =>
        spawn('bash', ['-c', `while :; do exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 0.2; done`], {
          stdio: 'ignore',
        });
      let looks: readonly ChildProcess[] = [];
      try {
        await until(() => spawnSync('nbdcopy', [uri, 'null:']).status === 0);
        // One that has the disk, and does not read on.
        const holder = spawn('sh', ['-c', 'nbdcopy "$0" - | sleep 60', uri], {
          stdio: 'ignore',
          detached: true,
        });
        const held = () =>
          spawnSync('sh', ['-c', `ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c '${dir}/disk$'`]);
        await until(() => Number(held().stdout) > 0);
        looks = [look(), look(), look()];
        const result = await runModule(polardbFence, { address: '127.0.0.1', fenced: true, authfile, port });
        expect(result).to.include({ changed: true, listed: true });
        expect(Number(held().stdout), 'sessions with the disk').to.equal(0);
        expect(spawnSync('nbdcopy', [uri, 'null:']).status).not.to.equal(0);
        process.kill(-holder.pid!, 'SIGKILL');
      } finally {
        for (const one of looks) one.kill('SIGKILL');
        service.kill('SIGKILL');
        await once(service, 'exit');
        if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
      }
    });
  });

  // A client that is there again as soon as its session was ended, with another process of the server's each time.
  const alwaysThere = async (file: string, judge: (result: Awaited<ReturnType<typeof runModule>>) => void) =>
    withTemporaryDirectory(async dir => {
      const authfile = join(dir, 'allow');
      writeFileSync(authfile, '127.0.0.1\n');
      writeFileSync(join(dir, 'disk'), '');
      const server = spawn('python3', ['-c', ALWAYS_THERE, file && join(dir, file)], {
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      });
      const gone = once(server, 'exit');
      let ended = false;
      try {
        const [port] = (await once(server.stdout, 'data')) as [Buffer];
        const stay = () => {
          const client = connect(Number(port), '127.0.0.1');
          client.on('error', () => {}).on('close', () => ended || stay());
        };
        stay();
        // The one that it begins with is served.
        await once(server.stdout, 'data');
        judge(
          await runModule(polardbFence, {
            address: '127.0.0.1',
            fenced: true,
            authfile,
            port: Number(port),
          }),
        );
        expect(readFileSync(authfile, 'utf8')).to.equal('');
      } finally {
        ended = true;
        process.kill(-server.pid!, 'SIGKILL');
        await gone;
      }
    });

  it('does not wait for the end of looks that the new list refuses', () =>
    alwaysThere('', result => expect(result).to.include({ changed: true, sessions: 1 })));

  it('fails when a session that came back has a disk', () =>
    alwaysThere('disk', result => expect(result.msg).to.include('it connected again')));
});

/** Prints its port, then a line for each connection. Those who serve are ready before a connection comes, and hold it. */
const ALWAYS_THERE = `
import os, signal, socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(50)
print(s.getsockname()[1], flush=True)
def serve():
    if os.fork(): return
    c, _ = s.accept()
    f = open(sys.argv[1]) if sys.argv[1] else None
    print('served', flush=True)
    signal.pause()
for _ in range(8): serve()
while True:
    os.wait()
    serve()
`;
