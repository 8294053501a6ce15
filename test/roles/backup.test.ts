import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { startOrSkip, type ThrowawayPostgres } from '../support/throwaway-postgres.ts';

const PROGRAM = join(import.meta.dirname, '../../roles/polardb_backup/files/polar-backup');

/** The program that the role polardb_backup installs, with PostgreSQL as the stand-in. */
describe('polar-backup', () => {
  let server: ThrowawayPostgres;
  let backups: string;

  before(async function () {
    // Segments for which the server's own min_wal_size would be too small.
    server = await startOrSkip(this, '--wal-segsize=64');
    // The checkout need not be readable for the server's user.
    copyFileSync(PROGRAM, join(server.dir, 'polar-backup'));
    backups = join(server.dir, 'backups');
    server.program('/bin/mkdir', backups);
    const settings = {
      BACKUP_DIRECTORY: backups,
      PRIMARY: server.dir,
      PORT: `${server.primaryPort}`,
      USER_NAME: 'postgres',
      DATABASE: 'postgresql',
      BIN: server.bin,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(server.dir, 'backup.env'), lines.join(''));
    server.sql('create table kept (id int primary key, word text)');
    server.sql("insert into kept select n, 'word ' || n from generate_series(1, 1000) n");
  });
  after(() => server?.stop());

  const backup = (...args: readonly string[]): string =>
    server.program(
      '/usr/bin/env',
      `POLAR_BACKUP_ENV=${join(server.dir, 'backup.env')}`,
      `HOME=${server.dir}`,
      '/bin/sh',
      join(server.dir, 'polar-backup'),
      ...args,
    );

  it('takes one, and reads every row and index of a server on its copy', () => {
    expect(Number(backup('take', '20260101T000000'))).to.be.greaterThan(10);
    expect(readdirSync(backups)).to.deep.equal(['20260101T000000']);
    const [, rows, indexes] = /rows=(\d+) indexes=(\d+)/.exec(backup('check', '20260101T000000')) ?? [];
    expect(Number(rows)).to.equal(1000);
    expect(Number(indexes)).to.be.greaterThan(50);
    expect(readdirSync(backups), 'the copy is gone').to.deep.equal(['20260101T000000']);
  });

  it('does not write into one that is there', () =>
    expect(() => backup('take', '20260101T000000')).to.throw());

  it('finds a damaged page', () => {
    backup('take', '20260102T000000');
    const file = server.sql("select pg_relation_filepath('kept')").trim();
    const page = join(backups, '20260102T000000/local', file);
    server.program(
      '/bin/dd',
      'if=/dev/urandom',
      `of=${page}`,
      'bs=8192',
      'count=1',
      'conv=notrunc',
      'status=none',
    );
    expect(() => backup('check', '20260102T000000')).to.throw();
    expect(backup('check', '20260101T000000')).to.contain('rows=1000');
  });

  it('keeps the newest, and what is no backup', () => {
    mkdirSync(join(backups, 'mine'));
    expect(backup('keep', '1')).to.equal('removed 20260101T000000\n');
    expect(readdirSync(backups).sort()).to.deep.equal(['20260102T000000', 'mine']);
    expect(existsSync(join(backups, '20260102T000000/local/PG_VERSION'))).to.equal(true);
  });
});
