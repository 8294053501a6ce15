import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Cluster, startCluster } from '../support/postgres-cluster.ts';
import { onlyAsRoot } from '../support/requirements.ts';
import { withTemporaryDirectory } from '../support/run-module.ts';
import { until } from '../support/until.ts';

const SCRIPT = join(import.meta.dirname, '../../roles/polardb_server/files/polar-settings');

describe('polar-settings', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  before(function () {
    onlyAsRoot(this, 'changes users');
    cluster = startCluster(this);
  });
  after(() => cluster?.stop());

  const conf = () => join(cluster.data, 'postgresql.conf');
  const hba = () => join(cluster.data, 'pg_hba.conf');
  const read = (file: string) => readFileSync(file, 'utf8');

  /** Runs the script as the roles do; `systemctl` asks and signals the trial server instead of a service. */
  const settings = (...words: string[]) =>
    withTemporaryDirectory(dir => {
      const pid = read(join(cluster.data, 'postmaster.pid')).split('\n')[0]!;
      writeFileSync(join(dir, 'systemctl'), `#!/bin/sh\ncase $1 in reload) kill -HUP ${pid};; esac\n`, {
        mode: 0o755,
      });
      const env = join(dir, 'env');
      writeFileSync(env, `BIN=${cluster.bin}\nDATA=${cluster.data}\nOWNER=${cluster.account}\n`);
      const { status, stderr } = spawnSync(SCRIPT, words, {
        encoding: 'utf8',
        env: { PATH: `${dir}:${process.env.PATH}`, POLAR_GUARD_ENV: env },
      });
      return { status, stderr };
    });

  /** Puts the lines behind what a file holds, as the roles do: check first, then write, then take. */
  const change = async (file: string, lines: string) => {
    const wanted = `${file}.wanted`;
    writeFileSync(wanted, `${read(file)}\n${lines}\n`);
    const checked = await settings('check', wanted, file.split('/').at(-1)!);
    if (checked.status !== 0) return checked;
    writeFileSync(file, read(wanted));
    return settings('take');
  };

  const show = (name: string) =>
    spawnSync(join(cluster.bin, 'psql'), ['-h', cluster.socket, '-U', 'postgres', '-XAtqc', `show ${name}`], {
      encoding: 'utf8',
    }).stdout.trim();

  it('lets the server read settings that it takes', async () => {
    writeFileSync(`${conf()}.wanted`, `${read(conf())}\ninclude '/run/polardb/guard.conf'\n`);
    expect((await settings('check', `${conf()}.wanted`, 'postgresql.conf')).status).to.equal(0);
    expect(await change(conf(), 'work_mem = 5MB')).to.include({ status: 0 });
    await until(() => show('work_mem') === '5MB');
  });

  it('takes a setting out that needs a restart', async () => {
    expect(await change(conf(), '')).to.include({ status: 0 });
    expect(read(conf())).to.match(/^shared_buffers/m);
    writeFileSync(conf(), read(conf()).replace(/^(shared_buffers|max_connections)/gm, '#$1'));
    expect((await settings('take')).stderr).to.equal('');
    expect((await settings('keep')).status).to.equal(0);
    expect(existsSync(`${conf()}.before`)).to.equal(false);
  });

  for (const [what, line, reason] of [
    ['a value of no kind', 'shared_buffers = 8XB', /invalid value for parameter "shared_buffers": "8XB"/],
    ['an unknown name', 'shared_bufers = 8MB', /unrecognized configuration parameter "shared_bufers"/],
    ['no syntax', 'max_connections = = 3', /syntax error in file "postgresql\.conf" line \d+/],
  ] as const)
    it(`refuses ${what} before the file is replaced`, async () => {
      const good = read(conf());
      const { status, stderr } = await change(conf(), line);
      expect(status).to.equal(1);
      expect(stderr)
        .to.match(reason)
        .and.match(/stays as it is/);
      expect(read(conf())).to.equal(good);
    });

  it('refuses another port while the server runs', async () => {
    const good = read(conf());
    const port = Number(read(join(cluster.data, 'postmaster.pid')).split('\n')[3]);
    expect(await change(conf(), `port = '${port}'`)).to.include({ status: 0 });
    writeFileSync(conf(), good);
    const { status, stderr } = await change(conf(), `port = '${port + 1}'`);
    expect(status).to.equal(1);
    expect(stderr)
      .to.contain(`run on port ${port}, ${port + 1} is asked for`)
      .and.contain('stop.yml');
    expect(read(conf())).to.equal(good);
  });

  it('puts both files back when the server refuses pg_hba.conf', async () => {
    const [good, settled] = [read(hba()), read(conf())];
    writeFileSync(`${conf()}.wanted`, `${settled}\nwork_mem = 6MB\n`);
    expect((await settings('check', `${conf()}.wanted`, 'postgresql.conf')).status).to.equal(0);
    writeFileSync(conf(), read(`${conf()}.wanted`));
    const { status, stderr } = await change(hba(), 'host all all 10.0.0.0/33 md5');
    expect(status).to.equal(1);
    expect(stderr).to.match(/the server refuses pg_hba\.conf line \d+: /);
    expect([read(hba()), read(conf())]).to.deep.equal([good, settled]);
    expect(existsSync(`${hba()}.before`)).to.equal(false);
  });

  it('keeps what was before while a setting waits for a restart, and gives it back', async () => {
    const good = read(conf());
    expect(await change(conf(), 'max_connections = 33')).to.include({ status: 0 });
    expect(read(`${conf()}.before`)).to.equal(good);
    appendFileSync(conf(), '# a second change\n');
    expect((await settings('check', conf(), 'postgresql.conf')).status).to.equal(0);
    expect(read(`${conf()}.before`)).to.equal(good);
    expect((await settings('back')).status).to.equal(0);
    expect(read(conf())).to.equal(good);
    expect((await settings('back')).stderr).to.equal('');
  });
});
