import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ClusterView } from '../../cluster/status/status-view.ts';
import { Latest } from './latest.ts';
import { answer, type Site } from './site.ts';

const EVIL = '</title><script>alert(1)</script>"\n\u001b[2J\u202e';

const view = (text = 'rw1'): ClusterView => ({
  cluster: text,
  standIn: false,
  primary: text,
  epoch: 2,
  storage: [
    {
      host: text,
      service: text,
      exports: [
        {
          name: text,
          size: 2 ** 30,
          backing: text,
          attachedBy: [text],
          pfs: { files: { all: 2048, free: 751 }, blocks: { all: 2560, free: 1020 } },
        },
      ],
    },
  ],
  nodes: [
    {
      host: text,
      role: 'primary',
      hostid: 1,
      database: text,
      writer: true,
      version: text,
      disks: [],
      pfsd: text,
      slot: text,
      streams: text,
      lag: 5,
      kept: null,
    },
  ],
  problems: [text],
  notes: [text],
});

/** What came back for bytes that were sent as they stand. */
function send(port: number, raw: string | Buffer): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(raw));
    let text = '';
    socket.setTimeout(15_000, () => socket.destroy(new Error('no end')));
    socket.on('data', part => (text += part));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? done(text) : failed(error),
    );
    socket.on('close', () => done(text));
  });
}

const codeOf = (response: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(response)?.[1]);
const bodyOf = (response: string): string => response.slice(response.indexOf('\r\n\r\n') + 4);

describe('polarplay serve', () => {
  let dir: string;
  let server: Server;
  let port: number;
  let reads: number;
  let read: () => Promise<ClusterView>;
  let site: Site;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-serve-'));
    for (const name of ['nights', 'verify']) mkdirSync(join(dir, name));
    writeFileSync(join(dir, 'secret.html'), 'SECRET');
    reads = 0;
    read = async () => view();
    use({});
    server = createServer(
      { maxHeaderSize: 8192, requestTimeout: 500, connectionsCheckingInterval: 50 },
      (q, a) => void answer(site, q, a),
    );
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function use({ token, maxAgeMs = 60_000 }: { token?: string; maxAgeMs?: number }): void {
    const status = new Latest(() => {
      reads++;
      return read();
    }, maxAgeMs);
    const access = { names: new Set(['db.example']), token };
    site = { access, status, nights: join(dir, 'nights'), verify: join(dir, 'verify') };
  }
  const ask = (line: string, headers = 'Host: localhost\r\n') =>
    send(port, `${line} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  const text = async (path: string) => bodyOf(await ask(`GET ${path}`));

  it('shows the status as a page, as JSON and as metrics', async () => {
    expect(await text('/')).to.contain('cluster rw1 · primary rw1 (epoch 2)');
    expect(JSON.parse(await text('/status.json'))).to.deep.include({ ...view(), unread: null });
    expect(await text('/metrics'))
      .to.contain('\npolarplay_node_role{cluster="rw1",node="rw1",role="primary"} 1\n')
      .and.contain('\npolarplay_writers{cluster="rw1"} 1\n')
      .and.contain('\npolarplay_pfs_files_free{cluster="rw1",export="rw1"} 751\n')
      .and.contain('\npolarplay_status_read 1\n');
  });

  it('asks the hosts once, however many ask', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => text(i % 2 ? '/' : '/metrics')));
    expect(answers.filter(answer => answer.includes('rw1'))).to.have.length(40);
    expect(reads).to.equal(1);
  });

  it('does not ask again and again where nobody can be asked, and shows what was known', async () => {
    use({ maxAgeMs: 0 });
    await text('/');
    read = async () => {
      throw new Error(EVIL);
    };
    const page = await text('/');
    expect(page).to.contain('The status cannot be read').and.contain('cluster rw1');
    expect(JSON.parse(await text('/status.json')).unread).to.contain('<script>');
    expect(await text('/metrics'))
      .to.contain('\npolarplay_status_read 0\n')
      .and.contain('polarplay_writers');
    use({});
    await Promise.all([text('/'), text('/metrics'), text('/')]);
    expect(reads).to.equal(5);
    expect(codeOf(await ask('GET /status.json'))).to.equal(503);
  });

  it('escapes what hosts and files say', async () => {
    read = async () => view(EVIL);
    writeFileSync(join(dir, 'verify/a<b>&"c.html'), `<title>Accepted: <b>1</b></title>`);
    writeFileSync(
      join(dir, 'nights/nights.json'),
      JSON.stringify([{ id: EVIL, at: EVIL, profile: EVIL, level: 'constructor', sentence: EVIL }]),
    );
    for (const path of ['/', '/verify/']) {
      const page = await text(path);
      expect(page).not.to.match(/<script|\u001b|\u202e|<b>1|a<b>/);
    }
    const metrics = (await text('/metrics')).trim().split('\n');
    for (const line of metrics) expect(line).to.match(/^(# (HELP|TYPE) |\w+(\{.*\})? -?[\d.e+]+$)/);
    expect(await text('/status.json')).not.to.match(/[\u001b\u202e]/);
  });

  it('takes GET and HEAD, and nothing else', async () => {
    const head = await ask('HEAD /metrics');
    expect(codeOf(head)).to.equal(200);
    expect(bodyOf(head)).to.equal('');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PURGE'])
      expect(codeOf(await ask(`${method} /`)), method).to.equal(405);
    expect(reads).to.equal(1);
  });

  it('refuses hostile requests, and asks no host for them', async () => {
    const cases: readonly (readonly [string | Buffer, number])[] = [
      ['GET / HTTP/1.1\r\n\r\n', 400],
      ['GET / HTTP/1.0\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: localhost@evil.example\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 421],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc', 400],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 400],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      ['GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 404],
      ['GET /constructor HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 404],
      [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nX: 1', 408],
      ['\u0000\u0001\u0002\r\n\r\n', 400],
      [Buffer.from([0x16, 3, 1, 0, 0xff, 10, 10]), 400],
    ];
    for (const [raw, code] of cases)
      expect(codeOf(await send(port, raw)), String(raw).slice(0, 70)).to.equal(code);
    expect(reads).to.equal(0);
  });

  it('goes by its own names and by addresses', async () => {
    for (const host of [
      'localhost',
      'LOCALHOST:8090',
      'db.example',
      '127.0.0.1:1',
      '192.0.2.7',
      '[::1]:8090',
    ])
      expect(codeOf(await ask('GET /reports.json', `Host: ${host}\r\n`)), host).to.equal(200);
  });

  it('wants the token wherever it is asked, and takes it as a password too', async () => {
    use({ token: 'correct-horse-battery' });
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
    const tried: readonly (readonly [string, number])[] = [
      ['', 401],
      ['Bearer ', 401],
      ['Bearer correct-horse-batter', 401],
      ['Bearer correct-horse-battery-', 401],
      ['Basic %%%', 401],
      [basic('correct-horse-battery'), 401],
      [basic('anna:wrong'), 401],
      ['Bearer correct-horse-battery', 200],
      ['bearer correct-horse-battery', 200],
      [basic('anna:correct-horse-battery'), 200],
    ];
    for (const [sent, code] of tried)
      for (const path of ['/reports.json', '/metrics', '/nights/', '/verify/x.html']) {
        const found = await ask(
          `GET ${path}`,
          `Host: localhost\r\n${sent === '' ? '' : `Authorization: ${sent}\r\n`}`,
        );
        const expected = code === 200 && path === '/verify/x.html' ? 404 : code;
        expect(codeOf(found), `${sent} ${path}`).to.equal(expected);
        expect(found).not.to.contain('correct-horse');
      }
  });

  it('serves the reports of its folders, and no other file', async () => {
    writeFileSync(join(dir, 'nights/index.html'), '<h1>all nights</h1>');
    writeFileSync(join(dir, 'verify/of rw1 100%.html'), '<title>Not accepted: 87 passed, 1 failed</title>');
    writeFileSync(join(dir, 'verify/last.json'), '{\n "schema": 2,\n "accepted": true }');
    writeFileSync(join(dir, 'verify/empty.html'), '');
    writeFileSync(join(dir, 'verify/key.pem'), 'SECRET');
    writeFileSync(join(dir, 'verify/.hidden.html'), 'SECRET');
    mkdirSync(join(dir, 'verify/folder.html'));
    symlinkSync(join(dir, 'secret.html'), join(dir, 'verify/link.html'));
    execFileSync('mkfifo', [join(dir, 'verify/pipe.html')]);
    expect(await text('/nights/')).to.equal('<h1>all nights</h1>');
    expect(await text('/verify/of%20rw1%20100%25.html')).to.contain('87 passed');
    expect(codeOf(await ask('GET /verify/empty.html'))).to.equal(200);
    expect(
      JSON.parse(await text('/reports.json')).verify.map((r: { accepted?: boolean }) => r.accepted),
    ).to.have.members([undefined, true, false]);
    const paths = [
      'secret.html',
      '../secret.html',
      '..%2fsecret.html',
      '%2e%2e/secret.html',
      '%2e%2e%2fsecret.html',
      '....//secret.html',
      '..\\secret.html',
      '..%5csecret.html',
      '..%00.html',
      '%c0%ae%c0%ae/secret.html',
      'link.html',
      'pipe.html',
      'folder.html',
      'key.pem',
      '.hidden.html',
      '',
      '.',
      '..',
      '%',
      '%zz',
      `${dir}/secret.html`,
      'of rw1 100%.html',
      '__proto__',
      'last.json/',
      'last.json%00.html',
    ];
    for (const path of paths)
      for (const folder of ['verify', 'nights']) {
        const found = await ask(`GET /${folder}/${path}`);
        expect(found, path).not.to.contain('SECRET');
        if (path !== '') expect(codeOf(found), path).to.be.oneOf([400, 404]);
      }
  });

  it('lets no page run a script or reach out', async () => {
    expect(await ask('HEAD /'))
      .to.contain("Content-Security-Policy: default-src 'none'")
      .and.contain('X-Content-Type-Options: nosniff');
  });
});
