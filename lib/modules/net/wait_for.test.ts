import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../../test/support/free-port.ts';
import { runModule, type TestOptions, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { activeConnections, waitFor } from './wait_for.ts';

type Raw = Record<string, string | number | string[]>;
const run = (raw: Raw, options?: TestOptions) => runModule(waitFor, { timeout: 15, ...raw }, options);
const later = (ms: number, work: () => void) => setTimeout(work, ms);

/** A server on a free port of this machine, for the time of a test. */
async function withServer(test: (port: number, server: Server) => Promise<void>, greeting?: string) {
  const server = createServer(socket => {
    socket.on('error', () => {});
    if (greeting !== undefined) socket.write(greeting);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  try {
    await test(address.port, server);
  } finally {
    server.close();
  }
}

describe('wait_for', () => {
  for (const shell of ['dash', 'bash', 'busybox'] as const) {
    describe(`with ${shell}`, () => {
      before(function () {
        if (shell !== 'busybox' || existsSync('/bin/busybox')) return;
        console.log('      skipped: busybox is not installed here');
        this.skip();
      });

      it('finds an open port', () =>
        withServer(async port => {
          expect(await run({ port }, { shell })).to.deep.include({ changed: false, port, state: 'started' });
        }));

      it('says how long it waited for a closed one', async () => {
        const port = await freePort();
        const result = await run({ port, timeout: 1 }, { shell });
        expect(result).to.deep.include({ failed: true, msg: `Timeout when waiting for 127.0.0.1:${port}` });
        expect(result.elapsed).to.be.within(1, 12);
      });

      it('finds a closed port', async () => {
        expect((await run({ port: await freePort(), state: 'stopped' }, { shell })).failed).to.equal(
          undefined,
        );
      });

      it('says that a port does not close', () =>
        withServer(async port => {
          const result = await run({ port, state: 'stopped', timeout: 1 }, { shell });
          expect(result.msg).to.equal(`Timeout when waiting for 127.0.0.1:${port} to stop.`);
        }));

      it('waits for a file, and for its end', () =>
        withTemporaryDirectory(async dir => {
          const path = join(dir, 'a b');
          later(700, () => writeFileSync(path, 'x'));
          expect(await run({ path }, { shell })).to.deep.include({ path, state: 'started' });
          later(700, () => rmSync(path));
          expect((await run({ path, state: 'absent' }, { shell })).failed).to.equal(undefined);
          expect((await run({ path, timeout: 1 }, { shell })).msg).to.equal(
            `Timeout when waiting for file ${path}`,
          );
        }));

      it('finds text in a growing file', () =>
        withTemporaryDirectory(async dir => {
          const path = join(dir, 'log');
          writeFileSync(path, 'starting\nread');
          later(800, () => appendFileSync(path, 'y on port 77\n'));
          const result = await run({ path, search_regex: '^ready on port (?P<port>\\d+)$' }, { shell });
          expect(result).to.deep.include({ match_groups: ['77'], match_groupdict: { port: '77' } });
          const none = await run({ path, search_regex: 'never', timeout: 1 }, { shell });
          expect(none.msg).to.equal(`Timeout when waiting for search string never in ${path}`);
        }));
    });
  }

  it('finds text in what a port says', () =>
    withServer(async port => {
      expect(await run({ port, search_regex: 'OpenSSH_(\\S+)' })).to.deep.include({ match_groups: ['9.2'] });
      const none = await run({ port, search_regex: 'Apache', timeout: 1 });
      expect(none.msg).to.equal(`Timeout when waiting for search string Apache in 127.0.0.1:${port}`);
    }, 'SSH-2.0-OpenSSH_9.2 x\r\n'));

  it('waits for a port that opens later', async () => {
    const port = await freePort();
    const server = createServer();
    later(3000, () => server.listen(port, '127.0.0.1'));
    try {
      const result = await run({ port });
      expect(result.failed).to.equal(undefined);
      expect(result.elapsed).to.be.within(1, 12);
    } finally {
      server.close();
    }
  });

  it('reads a file again that was written anew', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'state');
      writeFileSync(path, 'done\n');
      later(700, () => writeFileSync(path, 'done by 7\n'));
      expect(await run({ path, search_regex: 'done by (\\d)' })).to.deep.include({ match_groups: ['7'] });
      later(700, () => writeFileSync(path, 'done by 8\n'));
      expect(await run({ path, search_regex: 'by 8' })).to.include({ state: 'started' });
    }));

  it('starts a log again when it was replaced', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'log');
      writeFileSync(path, 'a long line from before\n');
      later(700, () => {
        rmSync(path);
        writeFileSync(path, 'up\n');
      });
      expect((await run({ path, search_regex: '^up$' })).failed).to.equal(undefined);
    }));

  it('gives the message of the author', async () => {
    expect((await run({ path: '/no/such', timeout: 1, msg: 'not here' })).msg).to.equal('not here');
  });

  const refused: readonly [Raw, RegExp][] = [
    [{ port: 1, path: '/x' }, /can not both be passed/],
    [{ path: '/x', state: 'stopped' }, /state=stopped should only/],
    [{ path: '/x', search_regex: '(' }, /^Invalid regular expression/],
    [{ port: 1, exclude_hosts: ['a'] }, /exclude_hosts should only/],
    [
      { port: 1, state: 'drained', active_connection_states: ['NOPE'] },
      /unknown active_connection_state \(NOPE\)/,
    ],
  ];
  for (const [raw, message] of refused)
    it(`refuses ${JSON.stringify(raw)}`, async () => expect((await run(raw)).msg).to.match(message));

  it('counts connections to a port', () => {
    const rows = `  sl  local_address rem_address   st
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000
   1: 0100007F:1538 0200007F:9C40 01 00000000:00000000
   2: 0100007F:1538 0300007F:9C41 06 00000000:00000000
   3: 0500000A:1538 0900000A:9C42 01 00000000:00000000
   0: 0000000000000000FFFF00000100007F:1538 0000000000000000FFFF00000200007F:9C40 01`;
    const all = ['ESTABLISHED', 'TIME_WAIT'];
    expect(activeConnections(rows, 5432, '127.0.0.1', [], all)).to.equal(3);
    expect(activeConnections(rows, 5432, '0.0.0.0', [], all)).to.equal(4);
    expect(activeConnections(rows, 5432, '127.0.0.1', ['127.0.0.2'], all)).to.equal(1);
    expect(activeConnections(rows, 5432, '127.0.0.1', [], ['TIME_WAIT'])).to.equal(1);
    expect(activeConnections(rows, 1, '127.0.0.1', [], all)).to.equal(0);
  });
});
