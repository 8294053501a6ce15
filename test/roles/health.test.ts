import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type ClusterRecord, formatRecord } from '../../lib/cluster/modules/polardb_record.ts';
import { freePort } from '../support/free-port.ts';
import { startOrSkip, type ThrowawayPostgres } from '../support/throwaway-postgres.ts';

const HEALTH = join(import.meta.dirname, '../../roles/health/files/polar-health');
const SHELLS = [['dash'], ['busybox', 'sh']].filter(([shell = '']) => present(shell));

const record: ClusterRecord = {
  cluster: 'polar',
  epoch: 3,
  primary: 'rw1',
  systemIdentifier: '7',
  nodes: new Map([
    ['rw1', { hostid: 1, removed: false }],
    ['ro1', { hostid: 2, removed: false }],
  ]),
  fenced: [],
};

type Node = 'primary' | 'replica';

/** polar-health beside a real server and a real nbd-server that exports the role record. */
describe('polar-health', function () {
  this.timeout(60_000);
  let postgres: ThrowawayPostgres;
  let dir: string;
  let asked = 0;
  const pidFile = () => join(dir, 'nbd.pid');
  const recordFile = () => join(dir, 'record');

  before(async function () {
    if (!present('nbd-server') || !present('nbdcopy')) {
      console.log('      skipped: runs where nbd-server and nbdcopy are installed');
      this.skip();
    }
    postgres = await startOrSkip(this);
    dir = mkdtempSync(join(tmpdir(), 'polarplay-health-'));
    writeFileSync(recordFile(), formatRecord(record));
    writeFileSync(join(dir, 'allow'), '127.0.0.1\n');
    const port = await freePort();
    writeFileSync(
      join(dir, 'nbd.conf'),
      `[generic]\nlistenaddr = 127.0.0.1\nport = ${port}\n[polar-record]\nexportname = ${recordFile()}\nauthfile = ${dir}/allow\nreadonly = true\n`,
    );
    execFileSync('nbd-server', ['-C', join(dir, 'nbd.conf'), '-p', pidFile()], { stdio: 'ignore' });
    for (const [node, name, at] of [
      ['primary', 'rw1', postgres.primaryPort],
      ['replica', 'ro1', postgres.replicaPort],
    ] as const) {
      writeFileSync(
        join(dir, `${node}.guard`),
        `RECORD=nbd://127.0.0.1:${port}/polar-record\nCLUSTER=polar\nNODE=${name}\nBIN=${postgres.bin}\nDATA=${dir}\nOWNER=postgres\n`,
      );
      writeFileSync(
        join(dir, `${node}.env`),
        `GUARD=${dir}/${node}.guard\nSOCKET=${postgres.dir}\nPORT=${at}\n`,
      );
    }
    await until('primary', 'GET /primary', 200);
    await until('replica', 'GET /replica?lag=0', 200);
  });

  after(() => {
    postgres?.stop();
    if (!dir) return;
    if (existsSync(pidFile())) process.kill(Number(readFileSync(pidFile(), 'utf8')));
    rmSync(dir, { recursive: true, force: true });
  });

  afterEach(() => {
    writeFileSync(recordFile(), formatRecord(record));
    writeFileSync(join(dir, 'allow'), '127.0.0.1\n');
    rmSync(join(dir, 'polar.seen'), { force: true });
  });

  /** The whole response to a request as it stands, with nothing kept from one before unless `run` is named. */
  function send(
    node: Node,
    raw: string | Buffer | undefined,
    shell = ['sh'],
    run = `run${asked++}`,
  ): Promise<string> {
    const kept = join(dir, run);
    mkdirSync(kept, { recursive: true });
    const [program = '', ...words] = [...shell, HEALTH];
    const child = spawn(program, words, {
      env: { PATH: process.env.PATH, POLAR_HEALTH_ENV: join(dir, `${node}.env`), RUNTIME_DIRECTORY: kept },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let [out, errors] = ['', ''];
    child.stdout.on('data', part => (out += part));
    child.stderr.on('data', part => (errors += part));
    child.stdin.on('error', () => {});
    if (raw !== undefined) child.stdin.write(raw);
    return new Promise(done =>
      child.on('close', () => {
        child.stdin.destroy();
        expect(errors).to.equal('');
        done(out);
      }),
    );
  }
  const ask = (node: Node, line: string, shell?: string[], run?: string) =>
    send(node, `${line} HTTP/1.1\r\nHost: x\r\n\r\n`, shell, run);
  async function until(node: Node, line: string, code: number, run?: string): Promise<void> {
    const limit = Date.now() + 15_000;
    while (codeOf(await ask(node, line, undefined, run)) !== code) {
      if (Date.now() > limit) throw new Error(`${line} is not ${code} within 15 s`);
      await sleep(20);
    }
  }
  /** The status codes of all paths, asked at the same time. */
  const codes = async (node: Node, shell?: string[]): Promise<Record<string, number>> => {
    const paths = ['primary', 'replica', 'read-only', 'health', 'liveness', 'readiness', 'metrics'];
    const answers = await Promise.all(paths.map(path => ask(node, `GET /${path}`, shell)));
    return Object.fromEntries(paths.map((path, at) => [path, codeOf(answers[at] ?? '')]));
  };

  for (const shell of SHELLS) {
    describe(`under ${shell.join(' ')}`, () => {
      it('says what a primary and a replica may be used for', async () => {
        const both = { 'read-only': 200, health: 200, liveness: 200, readiness: 200, metrics: 200 };
        expect(await codes('primary', shell)).to.deep.equal({ primary: 200, replica: 503, ...both });
        expect(await codes('replica', shell)).to.deep.equal({ primary: 503, replica: 200, ...both });
      });

      it('answers hostile requests, and does nothing of what they say', async () => {
        const mark = join(dir, 'mark');
        const refused: readonly (readonly [string | Buffer, number])[] = [
          [`GET /replica?lag=$(touch\${IFS}${mark}) HTTP/1.1\r\n\r\n`, 400],
          [`GET /replica?lag=\`touch\${IFS}${mark}\` HTTP/1.1\r\n\r\n`, 400],
          ["GET /replica?lag=1';drop/**/table/**/x;-- HTTP/1.1\r\n\r\n", 400],
          [`GET /replica?lag=a[$(touch\${IFS}${mark})] HTTP/1.1\r\n\r\n`, 400],
          ['GET /replica?lag= HTTP/1.1\r\n\r\n', 400],
          ['GET /replica?lag=-1 HTTP/1.1\r\n\r\n', 400],
          ['GET /replica?lag=1MB&lag=2MB HTTP/1.1\r\n\r\n', 400],
          ['GET /replica?lag=9999999999999999999999 HTTP/1.1\r\n\r\n', 400],
          ['GET /replica?lag=9999999TB HTTP/1.1\r\n\r\n', 400],
          ['GET /primary?lag=1 HTTP/1.1\r\n\r\n', 400],
          ['GET /../../etc/passwd HTTP/1.1\r\n\r\n', 404],
          ['GET /* HTTP/1.1\r\n\r\n', 404],
          ['GET * HTTP/1.1\r\n\r\n', 404],
          ['GET http://x/primary HTTP/1.1\r\n\r\n', 404],
          ['-n -e HTTP/1.1\r\n\r\n', 405],
          ['POST /primary HTTP/1.1\r\n\r\n', 405],
          ['GET /primary HTTP/1.1 x\r\n\r\n', 400],
          ['GET  /primary HTTP/1.1\r\n\r\n', 400],
          ['GET /primary HTTP/2.0\r\n\r\n', 400],
          ['GET /primary\r\n\r\n', 400],
          ['%s%n%d\r\n\r\n', 400],
          ['\r\n\r\n', 400],
          ['GET /primary\u001b[2J HTTP/1.1\r\n\r\n', 400],
          [Buffer.from([0x16, 0x03, 0x01, 0xff, 0x0a, 0x0a]), 400],
          [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`, 431],
        ];
        for (const [request, code] of refused)
          expect(codeOf(await send('replica', request, shell)), String(request).slice(0, 60)).to.equal(code);
        expect(() => statSync(mark)).to.throw('ENOENT');
      });

      it('does not wait for a request that does not come', async () => {
        const before = Date.now();
        expect(codeOf(await send('primary', 'GET /primary HTTP/1.1\r\n', shell))).to.equal(408);
        expect(Date.now() - before).to.be.below(8000);
      });

      it('takes a lag in bytes and in units', async () => {
        for (const lag of ['0', '008', '16B', '16kB', '16MB', '1GB', '999999TB', '999999999999999'])
          expect(codeOf(await ask('replica', `GET /replica?lag=${lag}`, shell)), lag).to.equal(200);
      });
    });
  }

  it('sends no body for HEAD and OPTIONS, and its length for GET', async () => {
    for (const method of ['HEAD', 'OPTIONS'])
      expect(await ask('primary', `${method} /primary`)).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    expect(await ask('primary', 'HEAD /nothing')).to.match(/^HTTP\/1\.1 404 [\s\S]*\r\n\r\n$/);
    const [head = '', body = ''] = (await ask('primary', 'GET /primary')).split('\r\n\r\n');
    expect(head).to.contain(`Content-Length: ${body.length}\r\n`);
    expect(JSON.parse(body)).to.deep.include({ state: 'running', role: 'primary' });
    expect(JSON.parse((await ask('replica', 'GET /health')).split('\r\n\r\n')[1] ?? '')).to.deep.include({
      role: 'replica',
      replication_state: 'streaming',
    });
  });

  it('gives figures for Prometheus', async () => {
    const text = await ask('replica', 'GET /metrics');
    expect(text).to.contain('\npatroni_replica{scope="polar",name="ro1"} 1\n');
    expect(text).to.contain('\npatroni_primary{scope="polar",name="ro1"} 0\n');
    expect(text).to.match(/\npatroni_xlog_replayed_location\{[^}]*\} [1-9]\d*\n/);
  });

  const notPrimary: Readonly<Record<string, () => void>> = {
    'the storage host shuts out': () => writeFileSync(join(dir, 'allow'), '192.0.2.1\n'),
    'the record calls fenced': () =>
      writeFileSync(recordFile(), formatRecord({ ...record, fenced: ['rw1'] })),
    'the record does not name': () =>
      writeFileSync(recordFile(), formatRecord({ ...record, primary: 'ro1' })),
    'has seen a newer record': () => writeFileSync(join(dir, 'polar.seen'), '4 ro1\n'),
    'reads a record of another cluster': () =>
      writeFileSync(recordFile(), formatRecord({ ...record, cluster: 'other' })),
    'reads a damaged record': () => writeFileSync(recordFile(), formatRecord(record).replace('end', 'en ')),
  };
  for (const [whom, arrange] of Object.entries(notPrimary)) {
    it(`is no primary: a node that ${whom}`, async () => {
      arrange();
      const found = await codes('primary');
      expect(found).to.include({ primary: 503, 'read-only': 503, readiness: 503, health: 200 });
    });
  }

  it('keeps what it found for one second, in a file that others cannot replace half', async () => {
    expect(codeOf(await ask('primary', 'GET /primary', undefined, 'kept'))).to.equal(200);
    const kept = readFileSync(join(dir, 'kept/state'), 'utf8');
    const many = await Promise.all(
      Array.from({ length: 8 }, () => ask('primary', 'GET /primary', undefined, 'many')),
    );
    expect(many.map(codeOf)).to.deep.equal(Array(8).fill(200));
    writeFileSync(join(dir, 'allow'), '192.0.2.1\n');
    await until('primary', 'GET /primary', 503, 'kept');
    expect(readFileSync(join(dir, 'kept/state'), 'utf8')).not.to.equal(kept);
    // What is fresh is not looked up again, whatever it is.
    const up = readFileSync('/proc/uptime', 'utf8').split(' ')[0]?.replace('.', '') ?? '';
    writeFileSync(join(dir, 'kept/state'), `${Number(up) + 50} 1 150000 0 1 0 0 - 1\n`);
    expect(codeOf(await ask('primary', 'GET /primary', undefined, 'kept'))).to.equal(503);
    writeFileSync(join(dir, 'kept/state'), `${up} 1 150000 0 1 0 0 - 1\n`);
    expect(codeOf(await ask('primary', 'GET /primary', undefined, 'kept'))).to.equal(200);
  });

  it('has no settings where the node was taken out', async () => {
    const settings = readFileSync(join(dir, 'replica.guard'));
    rmSync(join(dir, 'replica.guard'));
    const found = await codes('replica');
    writeFileSync(join(dir, 'replica.guard'), settings);
    expect(found).to.include({ primary: 503, replica: 503, health: 503, liveness: 200, metrics: 200 });
  });

  describe('when the primary is stopped', () => {
    it('calls a replica that does not stream none, and a stopped server nothing', async () => {
      postgres.control('primary', 'stop');
      await until('replica', 'GET /replica', 503);
      expect(await codes('replica')).to.include({ replica: 503, readiness: 503, health: 200 });
      expect(await codes('primary')).to.include({ primary: 503, health: 503, liveness: 200 });
    });
  });
});

function codeOf(response: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(response)?.[1]);
}

function present(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
