import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import { connect, withRetries } from './session.ts';

/** What a PostgreSQL server answers to a client that it lets in: AuthenticationOk, ReadyForQuery. */
const WELCOME = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1');

describe('connections of the experiments', () => {
  let server: Server;
  let tries: number;
  let target: SqlTarget;
  /** When the client that was let in has gone. */
  let ended: Promise<unknown>;

  /** A server that hangs up on the first `lost` clients. */
  async function listen(lost: number): Promise<void> {
    tries = 0;
    server = createServer((socket: Socket) => {
      tries += 1;
      socket.on('error', () => {});
      if (tries <= lost) socket.destroy();
      else {
        ended = once(socket, 'close');
        socket.once('data', () => socket.write(WELCOME));
      }
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const here = { address: '127.0.0.1', port, database: 'd', user: 'u' };
    target = { host: 'here', osUser: 'u', socketDir: '/tmp', psql: 'psql', ...here };
  }

  afterEach(() => server.close());

  it('try again when what they must know cannot be asked at once', async () => {
    await listen(2);
    expect(await withRetries(target, async () => tries)).to.equal(3);
  });

  it('end when what they were for fails: nothing keeps the program running', async () => {
    await listen(0);
    const error = await withRetries(target, () => Promise.reject(new Error('no answer'))).catch(e => e);
    expect(error.message).to.equal('no answer');
    await ended;
  });

  it('tell a client of the load of the first lost try', async () => {
    await listen(1);
    const error = await connect(target).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).to.be.instanceOf(Error);
    expect(tries).to.equal(1);
  });
});
