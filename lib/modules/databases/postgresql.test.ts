import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { type Cluster, startCluster } from '../../../test/support/postgres-cluster.ts';
import {
  checkFidelity,
  runModule,
  type TestOptions,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Module } from '../kit/define.ts';
import { matchesPassword, scramVerifier, storedPassword } from './postgres/password.ts';
import { postgresqlDb } from './postgresql_db.ts';
import { postgresqlExt } from './postgresql_ext.ts';
import { postgresqlPing, serverVersion } from './postgresql_ping.ts';
import { postgresqlPrivs } from './postgresql_privs.ts';
import { postgresqlQuery } from './postgresql_query.ts';
import { postgresqlUser } from './postgresql_user.ts';

describe('PostgreSQL passwords', () => {
  it('are hashed as RFC 7677 has it', () => {
    // The client and server keys of the RFC's example exchange follow from this salt and password.
    const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096);
    expect(verifier).to.equal(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });
  it('are recognised in every form', () => {
    for (const method of ['scram-sha-256', 'md5']) {
      const stored = storedPassword('pässword', 'bob', method);
      expect(matchesPassword(stored, 'pässword', 'bob'), method).to.equal(true);
      expect(matchesPassword(stored, 'other', 'bob'), method).to.equal(false);
      expect(matchesPassword(stored, stored, 'bob'), method).to.equal(true);
    }
    expect(matchesPassword(null, '', 'bob')).to.equal(true);
    expect(matchesPassword(null, 'x', 'bob')).to.equal(false);
  });
});

describe('PostgreSQL versions', () => {
  const cases: readonly [string, Json][] = [
    ['PostgreSQL 15.8 (PolarDB 15.8.2.0 build x) on x86_64', { major: 15, minor: 8, full: '15.8' }],
    ['PostgreSQL 11.9 (POLARDB 11.9)', { major: 11, minor: 9, full: '11.9' }],
    ['PostgreSQL 9.6.24 on x86_64', { major: 9, minor: 6, patch: 24, full: '9.6.24' }],
    ['PostgreSQL 17rc1 on x86_64', { major: 17, minor: 0, full: '17rc1' }],
  ];
  for (const [raw, expected] of cases)
    it(raw, () => expect(serverVersion(raw)).to.deep.equal({ ...(expected as object), raw }));
});

const STATE: readonly (readonly [table: string, columns: string])[] = [
  ...['pg_authid', 'pg_auth_members', 'pg_shdescription', 'pg_db_role_setting'].map(
    table => [table, 't'] as const,
  ),
  // Without its oid: default privileges that are taken back and given again have another.
  ['pg_default_acl', 'defaclrole, defaclnamespace, defaclobjtype, defaclacl'],
  ['pg_database', 't.oid, datname, datdba, datacl, datconnlimit, dattablespace'],
  ['pg_namespace', 'nspname, nspowner, nspacl'],
  ['pg_class', 't.oid, relname, relowner, relacl'],
  ['pg_proc', 't.oid, proname, proacl'],
  ['pg_extension', 'extname, extversion'],
];

describe('PostgreSQL modules with a server', function () {
  this.timeout(240_000);
  let cluster: Cluster;
  before(function () {
    cluster = startCluster(this);
  });
  after(() => cluster?.stop());

  type Raw = Record<string, Json>;
  const run = (module: Module, raw: Raw, options?: TestOptions) =>
    runModule(module, { login_unix_socket: cluster.socket, ...raw }, options);
  const value = async (query: string) => {
    const result = await run(postgresqlQuery, { query, db: 'postgres' });
    return (result.query_result as { [key: string]: Json }[])[0]?.v;
  };

  /** Whatever the modules may change: what all databases share, and what the one has that they are tried in. */
  const state = () => {
    const tables = STATE.map(([table, columns]) => `select '${table}', (${columns})::text from ${table} t`);
    const words = [
      '-h',
      cluster.socket,
      '-U',
      'postgres',
      '-XAtq',
      '-c',
      `${tables.join(' union all ')} order by 1, 2`,
    ];
    return execFileSync('psql', words, { encoding: 'utf8' }).split('\n');
  };

  /** Check mode predicts without doing; the first run does; the second has nothing to do. */
  async function truth(module: Module, raw: Raw) {
    const { first } = await checkFidelity(module, { login_unix_socket: cluster.socket, ...raw }, state);
    expect(first.failed, JSON.stringify(first)).to.equal(undefined);
    expect(first.changed).to.equal(true);
    return first;
  }

  it('pings', async () => {
    await checkFidelity(postgresqlPing, { login_unix_socket: cluster.socket }, state);
    const result = await run(postgresqlPing, {}, { checkMode: true });
    expect(result).to.deep.include({ changed: false, is_available: true, conn_err_msg: '' });
    const gone = await run(postgresqlPing, { login_unix_socket: '/no/such' });
    expect(gone).to.deep.include({ is_available: false, server_version: {} });
    expect(gone.conn_err_msg).to.match(/connection to server on socket/);
  });

  it('keeps users: attributes, password, limits, membership, comment', async () => {
    await run(postgresqlQuery, { query: 'create role readers', db: 'postgres' });
    const made = await truth(postgresqlUser, {
      name: 'o"neil',
      password: "it's secret",
      role_attr_flags: 'CREATEDB,NOSUPERUSER',
      conn_limit: 3,
      expires: '2030-01-01',
      groups: ['readers'],
      comment: "a 'comment'",
    });
    expect(JSON.stringify(made)).not.to.include('secret').and.not.to.include('SCRAM');
    expect(
      await value(`select rolpassword like 'SCRAM-SHA-256$%' as v from pg_authid where rolname = 'o"neil'`),
    ).to.equal(true);
    expect(
      await value(
        `select rolcreatedb and not rolsuper and rolconnlimit = 3 as v from pg_roles where rolname = 'o"neil'`,
      ),
    ).to.equal(true);
    await truth(postgresqlUser, { name: 'o"neil', password: 'new one' });
    await truth(postgresqlUser, {
      name: 'o"neil',
      role_attr_flags: 'NOCREATEDB,REPLICATION',
      expires: 'infinity',
      conn_limit: -1,
    });
    expect(
      (await run(postgresqlUser, { name: 'o"neil', password: 'other', no_password_changes: true })).changed,
    ).to.equal(false);
    await truth(postgresqlUser, { name: 'o"neil', password: '' });
    expect(await value(`select rolpassword as v from pg_authid where rolname = 'o"neil'`)).to.equal(null);
    expect(await truth(postgresqlUser, { name: 'o"neil', state: 'absent' })).to.include({
      user_removed: true,
    });
  });

  it('runs queries: in check mode what they did is taken back', async () => {
    const query = (text: string, repeats = true) =>
      checkFidelity(
        postgresqlQuery,
        { login_unix_socket: cluster.socket, db: 'postgres', query: text },
        state,
        {
          repeats,
        },
      );
    expect((await query('select 1', false)).first.changed).to.equal(false);
    expect((await query('create role asked')).first.changed).to.equal(true);
    expect((await query("comment on role asked is 'x'")).first.changed).to.equal(true);
    expect((await query('select nope')).first.failed).to.equal(true);
    expect((await query('drop role asked')).first.changed).to.equal(true);
  });

  it('sends no password in clear, not even to the server', async () => {
    const sent: string[] = [];
    await run(
      postgresqlUser,
      { name: 'quiet', password: 'clear-text' },
      { onRequest: r => sent.push(JSON.stringify(r)) },
    );
    expect(sent.join()).not.to.include('clear-text');
    await run(postgresqlUser, { name: 'quiet', state: 'absent' });
  });

  it('says what is wrong with a user', async () => {
    expect((await run(postgresqlUser, { name: 'x', role_attr_flags: 'FLYING' })).msg).to.equal(
      'Invalid role_attr_flags specified: FLYING',
    );
    expect((await run(postgresqlUser, { name: 'x', groups: ['nosuch'] })).msg).to.match(
      /role "nosuch" does not exist/,
    );
    await run(postgresqlQuery, {
      query: ['create role owner_x', 'create table owned (a int)', 'alter table owned owner to owner_x'],
      db: 'postgres',
    });
    expect((await run(postgresqlUser, { name: 'owner_x', state: 'absent' })).msg).to.match(
      /^Unable to remove user: .*cannot be dropped/s,
    );
    expect(await run(postgresqlUser, { name: 'owner_x', state: 'absent', fail_on_user: false })).to.include({
      changed: false,
      user_removed: false,
    });
  });

  it('keeps databases', async () => {
    await run(postgresqlQuery, { query: 'create role keeper', db: 'postgres' });
    await truth(postgresqlDb, {
      name: 'my db',
      owner: 'keeper',
      encoding: 'UTF-8',
      template: 'template0',
      lc_collate: 'C',
      lc_ctype: 'C',
    });
    await truth(postgresqlDb, { name: 'my db', owner: 'postgres', conn_limit: '7' });
    expect((await run(postgresqlDb, { name: 'my db', encoding: 'LATIN1' })).msg).to.match(
      /^Changing database encoding is not supported. Current encoding: UTF8/,
    );
    await truth(postgresqlDb, { name: 'my db', state: 'rename', target: 'renamed' });
    expect((await run(postgresqlDb, { name: 'a', state: 'rename', target: 'b' })).msg).to.equal(
      'The source and the target databases do not exist.',
    );
    await truth(postgresqlDb, { name: 'renamed', state: 'absent', force: true });
  });

  it('dumps and restores databases', () =>
    withTemporaryDirectory(async dir => {
      spawnSync('chmod', ['755', dir]);
      await run(postgresqlDb, { name: 'source' });
      await run(postgresqlQuery, {
        query: ['create table t (a int)', 'insert into t values (42)'],
        db: 'source',
      });
      for (const ending of ['sql', 'sql.gz', 'pgc', 'tar', 'dir']) {
        const target = join(dir, `dump.${ending}`);
        const there = () => [...state(), `${target} ${existsSync(target)}`];
        const dump = { login_unix_socket: cluster.socket, name: 'source', state: 'dump', target };
        const dumped = (await checkFidelity(postgresqlDb, dump, there, { repeats: true })).first;
        expect(dumped, `${ending}: ${dumped.msg}`).to.include({ changed: true });
        expect(existsSync(target)).to.equal(true);
        const name = `copy_${ending.replace('.', '_')}`;
        await run(postgresqlDb, { name });
        const restore = { name, state: 'restore', target };
        expect(await run(postgresqlDb, restore, { checkMode: true })).to.include({ changed: true });
        expect((await run(postgresqlQuery, { query: 'select a from t', db: name })).failed).to.equal(true);
        const restored = await run(postgresqlDb, restore);
        expect(restored, `${ending}: ${restored.msg}`).to.include({ changed: true });
        expect(
          (await run(postgresqlQuery, { query: 'select a from t', db: name })).query_result,
          ending,
        ).to.deep.equal([{ a: 42 }]);
      }
      const target = relative(process.cwd(), join(dir, 'relative.sql.gz'));
      const dumped = await run(postgresqlDb, { name: 'source', state: 'dump', target });
      expect([dumped.failed, existsSync(join(dir, 'relative.sql.gz'))]).to.deep.equal([undefined, true]);
      const missing = await run(postgresqlDb, {
        name: 'nosuch',
        state: 'dump',
        target: join(dir, 'x.sql.gz'),
      });
      expect(missing.msg).to.match(/database "nosuch" does not exist/);
    }));

  it('keeps privileges', async () => {
    await run(postgresqlQuery, {
      query: [
        'create role "r 1"',
        'create role r2',
        'create table pt1 (a int)',
        'create table pt2 (a int)',
        'create sequence ps',
        'create function pf(int, text) returns int language sql as $$select 1$$',
      ],
      db: 'postgres',
    });
    const base = { db: 'postgres', roles: 'r 1,r2' };
    const cases: readonly Raw[] = [
      { ...base, privs: 'SELECT,insert', objs: 'pt1,pt2' },
      { ...base, privs: 'ALL', objs: 'ALL_IN_SCHEMA' },
      { ...base, privs: 'SELECT', objs: 'pt1', grant_option: true },
      { ...base, privs: 'SELECT', objs: 'pt1', grant_option: false },
      { ...base, privs: 'SELECT', objs: 'pt1', state: 'absent' },
      { ...base, privs: 'USAGE', objs: 'ps', type: 'sequence' },
      { ...base, privs: 'EXECUTE', objs: 'pf(int:text)', type: 'function' },
      { ...base, privs: 'CREATE', type: 'database' },
      { ...base, privs: 'CREATE', objs: 'public', type: 'schema' },
      { db: 'postgres', roles: 'r2', objs: 'r 1', type: 'group' },
      { ...base, privs: 'SELECT', objs: 'TABLES', type: 'default_privs' },
      { ...base, objs: 'ALL_DEFAULT', privs: 'ALL', type: 'default_privs', state: 'absent' },
    ];
    for (const raw of cases) await truth(postgresqlPrivs, raw);
    expect(
      (await run(postgresqlPrivs, { ...base, roles: 'nobody', privs: 'ALL', objs: 'pt1' })).msg,
    ).to.equal('Role nobody does not exist');
    expect(
      await run(postgresqlPrivs, {
        ...base,
        roles: 'nobody',
        privs: 'ALL',
        objs: 'pt1',
        fail_on_role: false,
      }),
    ).to.deep.include({ changed: false });
    for (const [raw, msg] of [
      [{ privs: 'ALL; DROP', objs: 'pt1' }, /^Invalid privileges specified/],
      [{ privs: 'ALL' }, /"objs" is required/],
      [{ privs: 'EXECUTE', objs: 'pf(int); drop', type: 'function' }, /Illegal function signature/],
      [{ objs: 'x', privs: 'ALL', type: 'group' }, /"privs" is not allowed/],
    ] as const)
      expect((await run(postgresqlPrivs, { ...base, ...raw })).msg).to.match(msg);
  });

  it('keeps extensions', async function () {
    const offered = await value(
      "select array_agg(version) as v from pg_available_extension_versions where name = 'pg_stat_statements'",
    );
    if (!Array.isArray(offered)) {
      console.log('      skipped: runs where the extension pg_stat_statements is installed');
      return this.skip();
    }
    const ext = { name: 'pg_stat_statements', db: 'postgres' };
    await truth(postgresqlExt, { ...ext, version: '1.4' });
    await truth(postgresqlExt, { ...ext, version: 'latest' });
    expect((await run(postgresqlExt, { ...ext, version: '0.1' })).msg).to.match(/has no valid update path/);
    expect((await run(postgresqlExt, ext)).changed).to.equal(false);
    await truth(postgresqlExt, { ...ext, state: 'absent' });
    expect((await run(postgresqlExt, { ...ext, version: '9.9' })).msg).to.equal(
      "Passed version '9.9' is not available",
    );
    expect((await run(postgresqlExt, { name: 'nosuch', db: 'postgres' })).msg).to.equal(
      'Extension nosuch is not available',
    );
    expect((await run(postgresqlExt, { name: 'nosuch', db: 'postgres', state: 'absent' })).changed).to.equal(
      false,
    );
  });
});
