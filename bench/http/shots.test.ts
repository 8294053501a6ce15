import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { freePort } from '../../test/support/free-port.ts';
import { type Shot, startShooting, type Target } from './shots.ts';

describe('bench http: requests at a rate', function () {
  this.timeout(60_000);
  let server: Server;
  let seen = 0;
  const target = (path: string, port: number): Target => ({
    host: 'h',
    path,
    url: `http://127.0.0.1:${port}${path}`,
  });

  before(async () => {
    // As polar-health: one answer, and the connection ends.
    server = createServer((request, response) => {
      seen++;
      response.writeHead(request.url === '/no' ? 503 : 200, { Connection: 'close' });
      response.end(`{"path": "${request.url}"}`);
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  });
  after(() => server.close());

  it('gives each answer with its code and body, and asks no more often than it is told', async () => {
    const { port } = server.address() as AddressInfo;
    const shots: Shot[] = [];
    const shooting = await startShooting(
      { targets: [target('/yes', port), target('/no', port)], rate: 10 },
      shot => shots.push(shot),
    );
    const began = Date.now();
    while (shots.length < 10) await sleep(20);
    await shooting.stop();
    const seconds = (Date.now() - began) / 1000;
    expect(shots.length).to.equal(seen);
    expect(seen).to.be.at.most(2 * (10 * seconds + 2));
    for (const { path, code, body, ms } of shots) {
      expect(code).to.equal(path === '/no' ? 503 : 200);
      expect(JSON.parse(body)).to.deep.equal({ path });
      expect(ms).to.be.greaterThan(0);
    }
  });

  it('does not flood a host that is down, and does not wait for ever for one that is silent', async () => {
    let connections = 0;
    const silent = createTcp(socket => {
      connections++;
      socket.on('error', () => {});
    });
    await new Promise<void>(done => silent.listen(0, '127.0.0.1', done));
    const down = await freePort();
    const shots: Shot[] = [];
    const { port } = silent.address() as AddressInfo;
    const shooting = await startShooting(
      { targets: [target('/down', down), target('/silent', port)], rate: 20 },
      shot => shots.push(shot),
    );
    const began = Date.now();
    while (!shots.some(({ path }) => path === '/silent')) await sleep(20);
    const seconds = (Date.now() - began) / 1000;
    const refused = shots.filter(({ path }) => path === '/down');
    // So many at once, each up to its five seconds.
    expect(connections).to.be.at.most(16 * Math.ceil(seconds / 5 + 1));
    await shooting.stop();
    silent.close();
    expect(refused.length)
      .to.be.greaterThan(0)
      .and.at.most(20 * seconds + 2);
    expect(shots.every(({ code }) => code === undefined)).to.equal(true);
  });
});
