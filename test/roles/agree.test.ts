import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { passwordOf } from '../../lib/cluster/modules/polardb_deployed.ts';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { withTemporaryDirectory } from '../support/run-module.ts';
import { trial } from '../support/run-playbook.ts';
import { startOrSkip, type ThrowawayPostgres } from '../support/throwaway-postgres.ts';

const read = (path: string) => readFileSync(join(PACKAGE_ROOT, path), 'utf8');
const [compare, refusal] = parse(read('roles/cluster/tasks/agree.yml'));

type Answer = readonly [witness: string, password: string];

/** What the refusal says when the nodes answer so. */
async function saidOf(answers: readonly Answer[], change = false) {
  const hosts = answers.map((_, at) => `h${at}`);
  const vars = {
    said: Object.fromEntries(
      answers.map(([witness, password], at) => [
        `h${at}`,
        witness === '' ? { skipped: true } : { witness, password },
      ]),
    ),
    polardb_password_file: '/copy/credentials/polar.polardb',
    polardb_home: '/home/polardb',
    polardb_password_change: change,
  };
  const tasks = [{ set_fact: { cluster_deployed: '{{ said[inventory_hostname] }}' } }, refusal];
  const playbook = [{ hosts: 'all', gather_facts: false, vars, tasks }];
  const { error, events } = await trial(JSON.stringify(playbook), { hosts: `${hosts.join('\n')}\n` });
  if (error) throw error;
  return /polardb_password is not the password[^"]*/.exec(JSON.stringify(events))?.[0];
}

describe('an operation with another password than the database has', () => {
  it('is refused, and says where the password comes from and how to set another', async () => {
    const said = await saidOf([
      ['primary', 'other'],
      ['replica', 'same'],
      ['', ''],
    ]);
    expect(said)
      .to.include('/copy/credentials/polar.polardb')
      .and.include('/home/polardb/.pgpass')
      .and.include('configure.yml -e polardb_password_change=true');
  });

  it('is refused by what replicas say while the primary is down, and by the files while all are', async () => {
    expect(
      await saidOf([
        ['file', 'same'],
        ['replica', 'other'],
      ]),
    ).to.be.a('string');
    expect(
      await saidOf([
        ['file', 'other'],
        ['nobody', 'unknown'],
      ]),
    ).to.be.a('string');
  });

  it('goes on when the primary says so, whatever a replica that lags and an old file say', async () => {
    expect(
      await saidOf([
        ['primary', 'same'],
        ['replica', 'other'],
        ['file', 'other'],
      ]),
    ).to.equal(undefined);
  });

  it('goes on where nothing is deployed, and where the change is asked for', async () => {
    expect(
      await saidOf([
        ['', ''],
        ['nobody', 'unknown'],
      ]),
    ).to.equal(undefined);
    expect(await saidOf([['primary', 'other']], true)).to.equal(undefined);
  });

  it('compares once there is a database, on nodes of the record only', () => {
    expect(compare.when).to.include('system_identifier').and.include('polar_record.record.nodes');
  });
});

describe('the password file of the database user', function () {
  this.timeout(90_000);
  let server: ThrowawayPostgres;
  before(async function () {
    server = await startOrSkip(this);
  });
  after(() => server?.stop());

  it('lets in with a password of special characters', () =>
    withTemporaryDirectory(async dir => {
      const password = `a:b\\c'd"e #$(id) é 密`;
      const file = join(dir, 'pgpass');
      const template = {
        src: join(PACKAGE_ROOT, 'roles/polardb_server/templates/pgpass.j2'),
        dest: file,
        mode: '0600',
        owner: 'postgres',
      };
      const { error } = await trial(
        JSON.stringify([{ hosts: 'all', gather_facts: false, tasks: [{ template }] }]),
        { hosts: 'h1\n', extraVars: { polardb_user: 'postgres', polardb_password: password } },
      );
      if (error) throw error;
      expect(passwordOf(readFileSync(file, 'utf8'))).to.equal(password);
      chmodSync(dir, 0o755);
      server.sql(`ALTER ROLE postgres PASSWORD '${password.replaceAll("'", "''")}'`);
      const client = [
        '-h',
        '127.0.0.1',
        '-p',
        `${server.primaryPort}`,
        '-U',
        'postgres',
        '-XAtqwc',
        'select 1',
      ];
      const said = server.program('/usr/bin/env', `PGPASSFILE=${file}`, join(server.bin, 'psql'), ...client);
      expect(said.trim()).to.equal('1');
    }));
});
