import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fileSum } from '../source/file-sum.ts';
import type { Connection } from './connection.ts';
import { localConnection } from './local.ts';

describe('local connection', () => {
  let connection: Connection;
  let directory: string;

  beforeEach(() => {
    connection = localConnection({ kind: 'local', host: 'here' });
    directory = mkdtempSync(join(tmpdir(), 'polarplay-local-'));
  });
  afterEach(async () => {
    await connection.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('names its host and kind', () => {
    expect([connection.host, connection.kind]).to.deep.equal(['here', 'local']);
  });

  for (const name of ['plain', "it's $HOME `here`", '-n', 'two\nlines', 'ünï']) {
    it(`sends and receives a file called ${JSON.stringify(name)}`, async () => {
      const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
      const path = join(directory, name);
      await connection.send(bytes, path, { mode: '0604' });
      expect(readFileSync(path).equals(bytes)).to.equal(true);
      expect(statSync(path).mode & 0o777).to.equal(0o604);
      const sums = await connection.receive(path, join(directory, 'back'));
      expect(readFileSync(join(directory, 'back')).equals(bytes)).to.equal(true);
      expect(sums).to.deep.equal({ sha1: fileSum(path, 'sha1'), md5: fileSum(path, 'md5') });
    });
  }

  it('truncates a file that is there, and takes its rights away first', async () => {
    const path = join(directory, 'there');
    writeFileSync(path, 'x'.repeat(1000), { mode: 0o644 });
    await connection.send(Buffer.alloc(0), path);
    expect([statSync(path).size, statSync(path).mode & 0o777]).to.deep.equal([0, 0o600]);
  });

  it('leaves nothing of what was cut off on its way', async () => {
    const path = join(directory, 'half');
    const half = { length: 600_000, pieces: () => [Buffer.alloc(300_000)] };
    const message = await connection.send(half, path).catch((error: Error) => error.message);
    expect([message, existsSync(path)]).to.deep.equal(['it was cut off on its way', false]);
  });

  for (const [path, reason] of [
    ['/no/such', /^cannot open \/no\/such: No such file|^\/no\/such: No such file/],
    ['/etc', /is a directory/],
  ] as const) {
    it(`leaves the local file alone when ${path} cannot be read`, async () => {
      const target = join(directory, 'none');
      const message = await connection.receive(path, target).catch((error: Error) => error.message);
      expect(message).to.match(reason);
      expect(existsSync(target)).to.equal(false);
    });
  }

  it('receives no file without an end', async () => {
    const target = join(directory, 'endless');
    const message = await connection
      .receive('/dev/zero', target, 3_000_000)
      .catch((error: Error) => error.message);
    expect(message).to.equal('/dev/zero does not end: more came than its size, 3000000 bytes');
    expect(existsSync(target)).to.equal(false);
  });

  it('receives an empty file', async () => {
    writeFileSync(join(directory, 'empty'), '');
    await connection.receive(join(directory, 'empty'), join(directory, 'back'));
    expect(statSync(join(directory, 'back')).size).to.equal(0);
  });

  it('can be used again after a reset', async () => {
    const pid = async (): Promise<string> => (await connection.run({ script: 'echo $$' })).stdout.toString();
    const first = await pid();
    expect(await pid()).to.equal(first);
    await connection.reset();
    expect(await pid()).to.not.equal(first);
  });

  it('lets the process end at once, whatever still runs in the background', () => {
    const program = `
      const { localConnection } = await import(${JSON.stringify(new URL('./local.ts', import.meta.url).href)});
      const connection = localConnection({ kind: 'local', host: 'here' });
      await connection.run({ script: 'sleep 30 & echo started' });
      const started = Date.now();
      await connection.close();
      process.on('exit', () => console.log(Date.now() - started));`;
    const out = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(Number(out)).to.be.below(10_000);
  });
});
