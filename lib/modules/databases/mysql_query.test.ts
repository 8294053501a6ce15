import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { checkFidelity, runModule, type TestOptions } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Module } from '../kit/define.ts';
import { mysqlValue, parseResults } from './mysql/client.ts';
import { mysqlDb } from './mysql_db.ts';
import { mysqlQuery } from './mysql_query.ts';
import { mysqlUser, nativeHash } from './mysql_user.ts';

describe('MySQL values', () => {
  it('are written so that no setting can change their meaning', () => {
    expect(mysqlValue("'\\")).to.equal('_utf8mb4 0x275c');
    expect([mysqlValue(''), mysqlValue(null), mysqlValue(true), mysqlValue(-5)]).to.deep.equal([
      "''",
      'NULL',
      '1',
      ' -5',
    ]);
    expect(mysqlValue([1, 'a'])).to.equal('(1, _utf8mb4 0x61)');
  });
  it('come out of the XML of the client', () => {
    const xml =
      '<?xml version="1.0"?>\n<resultset statement="select &quot;a&lt;b&quot;" xmlns:xsi="x">\n  <row>\n\t<field name="a">1</field>\n\t<field name="b">007</field>\n\t<field name="c">x&amp;\ny</field>\n\t<field name="d" xsi:nil="true" />\n  </row>\n</resultset>\n<resultset statement="empty" xmlns:xsi="x"></resultset>';
    expect(parseResults(xml)).to.deep.equal([
      { statement: 'select "a<b"', rows: [{ a: 1, b: '007', c: 'x&\ny', d: null }] },
      { statement: 'empty', rows: [] },
    ]);
  });
});

describe('mysql_query', function () {
  this.timeout(240_000);
  let dir: string | undefined;
  let server: ChildProcess | undefined;

  before(async function () {
    onlyWithPrograms(this, 'mariadbd', 'mariadb-install-db', 'mariadb');
    dir = mkdtempSync(join(tmpdir(), 'polarplay-my-'));
    const user = userInfo().uid === 0 ? 'nobody' : userInfo().username;
    if (user === 'nobody')
      chownSync(dir, Number(spawnSync('id', ['-u', user], { encoding: 'utf8' }).stdout), 0);
    const data = `--datadir=${join(dir, 'data')}`;
    const made = spawnSync(
      'mariadb-install-db',
      ['--no-defaults', data, `--user=${user}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      { encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`mariadb-install-db failed: ${made.stdout}${made.stderr}`);
    server = spawn(
      'mariadbd',
      ['--no-defaults', data, `--user=${user}`, `--socket=${join(dir, 's')}`, '--skip-networking'],
      { stdio: 'ignore' },
    );
    for (let n = 0; n < 300 && !existsSync(join(dir, 's')); n++) await pause(100);
  });
  after(async () => {
    if (server?.kill('SIGKILL')) await once(server, 'exit');
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  const run = (raw: Record<string, Json>, options?: TestOptions) =>
    runModule(
      mysqlQuery,
      { login_unix_socket: join(dir!, 's'), login_user: 'root', config_file: '/none', ...raw },
      options,
    );

  it('makes, fills and reads tables', async () => {
    expect(await run({ query: 'create database d' })).to.deep.include({ changed: true, query_result: [[]] });
    expect((await run({ query: 'create database if not exists d' })).changed).to.equal(false);
    expect((await run({ query: 'create table t (i int, v text)', login_db: 'd' })).changed).to.equal(true);
    const text = `it's \\ <b>&"; drop table t; -- äö\n%s`;
    const inserted = await run({
      query: 'insert into t values (%s, %s), (2, null)',
      positional_args: [1, text],
      login_db: 'd',
    });
    expect(inserted).to.deep.include({ changed: true, rowcount: [2] });
    const read = await run({
      query: ['select * from t where v = %(v)s', 'select count(*) as n from t where v is null or v = %(v)s'],
      named_args: { v: text },
      login_db: 'd',
    });
    expect(read).to.deep.include({
      changed: false,
      query_result: [[{ i: 1, v: text }], [{ n: 2 }]],
      rowcount: [1, 1],
    });
    expect(await run({ query: 'update t set i = 9 where false', login_db: 'd' })).to.deep.include({
      changed: false,
      rowcount: [0],
    });
    expect((await run({ query: 'drop table if exists nothing', login_db: 'd' })).changed).to.equal(false);
  });

  it('reads integers whole, however large', async () => {
    const query =
      'select 9007199254740993 as odd, 18446744073709551615 as most, -9223372036854775808 as least, 18446744073709551616 as more';
    expect((await run({ query })).query_result).to.deep.equal([
      [
        {
          odd: 9007199254740993n,
          most: 18446744073709551615n,
          least: -9223372036854775808n,
          more: '18446744073709551616',
        },
      ],
    ]);
  });

  it('undoes a transaction that fails, and says which query it was', async () => {
    await run({ query: ['create database tx', 'create table tx.t (i int)'] });
    const result = await run({
      query: ['insert into tx.t values (1)', 'select nope'],
      single_transaction: true,
    });
    expect(result.msg).to.match(
      /^Cannot execute SQL 'select nope' args \[null\]: ERROR 1054 .*Unknown column 'nope'/,
    );
    expect((await run({ query: 'select count(*) as n from tx.t' })).query_result).to.deep.equal([[{ n: 0 }]]);
    expect((await run({ query: 'insert into tx.t values (1)', single_transaction: true })).changed).to.equal(
      true,
    );
    expect((await run({ query: 'select count(*) as n from tx.t' })).query_result).to.deep.equal([[{ n: 1 }]]);
  });

  it('lets no command of the client through', async () => {
    const result = await run({ query: '\\! touch /tmp/polarplay-pwned' });
    expect(result.msg).to.match(/Unknown command/);
    expect(existsSync('/tmp/polarplay-pwned')).to.equal(false);
  });

  it('logs in with a password that ps never sees', async () => {
    await run({ query: `create user bob@localhost identified by 'a"b\\\\c d'` });
    const scripts: string[] = [];
    const options: TestOptions = { onRequest: r => scripts.push(r.kind === 'sh' ? r.script : '') };
    const result = await run(
      { query: 'select current_user() as u', login_user: 'bob', login_password: 'a"b\\c d' },
      options,
    );
    expect(result.query_result, String(result.msg)).to.deep.equal([[{ u: 'bob@localhost' }]]);
    expect(scripts.join()).not.to.include('a"b');
    expect((await run({ query: 'select 1', login_user: 'bob', login_password: 'wrong' })).msg).to.match(
      /^unable to connect to database, .*Access denied/,
    );
  });

  it('is skipped in check mode, as there', async () => {
    expect(await run({ query: 'select 1' }, { checkMode: true })).to.deep.include({ skipped: true });
  });

  const socket = () => ({ login_unix_socket: join(dir!, 's'), login_user: 'root', config_file: '/none' });

  /** Whatever the modules may change: accounts with what they may do, and databases with their tables. */
  const state = async () => {
    const tables = ['global_priv', 'db', 'tables_priv', 'columns_priv', 'procs_priv'];
    const { query_result: all, msg } = await run({
      query: [
        ...tables.map(table => `select * from mysql.${table}`),
        'select * from information_schema.schemata',
        "select table_schema, table_name from information_schema.tables where table_schema not like '%schema'",
      ],
    });
    if (!Array.isArray(all)) throw new Error(String(msg));
    return all.flatMap((rows, i) => (rows as Json[]).map(row => `${i} ${JSON.stringify(row)}`)).sort();
  };

  /** Check mode predicts and does nothing, the first run does, the second has nothing to do. */
  async function truth(module: Module, raw: Record<string, Json>) {
    const { first } = await checkFidelity(module, { ...socket(), ...raw }, state);
    expect(first, JSON.stringify(first)).to.include({ changed: true }).and.not.to.include({ failed: true });
    return first;
  }

  it('keeps users: password, privileges, limits', async () => {
    const user = { name: 'web', host: '%' };
    expect(await truth(mysqlUser, { ...user, password: 'p1', priv: 'app.*:SELECT,INSERT' })).to.include({
      msg: 'User added',
      password_changed: true,
    });
    expect(await truth(mysqlUser, { ...user, password: 'p2' })).to.include({
      password_changed: true,
    });
    expect(
      (await runModule(mysqlUser, { ...socket(), ...user, password: 'p3', update_password: 'on_create' }))
        .changed,
    ).to.equal(false);
    await truth(mysqlUser, { ...user, priv: 'app.*:ALL,GRANT/other.*:UPDATE' });
    await truth(mysqlUser, { ...user, priv: { 'more.*': 'SELECT' }, append_privs: true });
    await truth(mysqlUser, { ...user, priv: 'more.*:SELECT', subtract_privs: true });
    await truth(mysqlUser, { ...user, tls_requires: { SUBJECT: '/CN=web', ISSUER: '/CN=ca' } });
    await truth(mysqlUser, { ...user, tls_requires: {} });
    await truth(mysqlUser, { ...user, resource_limits: { MAX_USER_CONNECTIONS: 5 } });
    expect((await run({ query: 'select 1', login_user: 'web', login_password: 'p2' })).failed).to.equal(
      undefined,
    );
    await truth(mysqlUser, { ...user, password: nativeHash('p4'), encrypted: true });
    await truth(mysqlUser, { ...user, priv: '*.*:ALL' });
    await truth(mysqlUser, { name: 'web', host_all: true, state: 'absent' });
    expect((await runModule(mysqlUser, { ...socket(), ...user, priv: 'x.*:DROP; EVIL' })).msg).to.match(
      /^Invalid privileges specified/,
    );
  });

  it('keeps, dumps and imports databases', async () => {
    await truth(mysqlDb, { name: ['one', 'two'], encoding: 'utf8mb4', collation: 'utf8mb4_bin' });
    await run({ query: ['create table one.t (i int)', 'insert into one.t values (42)'] });
    const canDump = ['mysqldump', 'mariadb-dump'].some(p => existsSync(`/usr/bin/${p}`));
    if (!canDump) console.log('      not tried: dumps; tried where mysqldump is installed');
    for (const ending of canDump ? ['sql', 'sql.gz'] : []) {
      const target = join(dir!, `dump.${ending}`);
      const task = { ...socket(), name: 'one', target };
      const there = async () => [...(await state()), `${target} ${existsSync(target)}`];
      const dumped = (await checkFidelity(mysqlDb, { ...task, state: 'dump' }, there, { repeats: true }))
        .first;
      expect(dumped, String(dumped.msg)).to.include({ changed: true });
      await run({ query: 'drop table one.t' });
      const read = await runModule(mysqlDb, { ...task, state: 'import' });
      expect(read.failed, String(read.msg)).to.equal(undefined);
      expect((await run({ query: 'select i from one.t' })).query_result).to.deep.equal([[{ i: 42 }]]);
    }
    await truth(mysqlDb, { name: ['one', 'two'], state: 'absent' });
  });
});
