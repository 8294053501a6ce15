import { expect } from 'chai';
import fc from 'fast-check';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { type Cluster, startCluster } from '../../../test/support/postgres-cluster.ts';
import { runModule, type TestOptions } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { bind, identifier, inspect, literal } from './postgres/literal.ts';
import { parseArray, typedValue } from './postgres/values.ts';
import { changes, postgresqlQuery } from './postgresql_query.ts';

describe('SQL values', () => {
  it('are quoted', () => {
    expect(literal("O'Neil")).to.equal("'O''Neil'");
    expect(literal("\\'; drop")).to.equal(" E'\\\\''; drop'");
    expect(identifier('a"b')).to.equal('"a""b"');
    expect(() => identifier('')).to.throw('not a valid name');
    expect(() => literal('a\0')).to.throw('NUL');
  });

  const bound: readonly [string, Json[] | Record<string, Json> | undefined, string][] = [
    ['select %s, %s', [1, 'a'], "select 1, 'a'"],
    ['select %(x)s, %(x)s', { x: null }, 'select NULL, NULL'],
    ['select 5 %% 2, %s', [true], 'select 5 % 2, true'],
    ["select '100%'", undefined, "select '100%'"],
    ['select -%s', [-5], 'select - -5'],
    ['select %s', [[1, null, 'a"b', [2]]], `select  E'{1, NULL, "a\\\\"b", {2}}'`],
    ['select %s', [{ a: 1 }], `select '{"a":1}'`],
    ['select %s', ['%s'], "select '%s'"],
  ];
  for (const [query, args, expected] of bound)
    it(`${query} with ${JSON.stringify(args)}`, () => expect(bind(query, args)).to.equal(expected));

  const refused: readonly [string, Json[] | Record<string, Json>, RegExp][] = [
    ['select %s', [], /more %s/],
    ['select 1', [1], /more positional_args/],
    ['select %(y)s', { x: 1 }, /no value for %\(y\)s/],
    ["select 'a%'", [1], /write %%/],
  ];
  for (const [query, args, message] of refused)
    it(`refuses ${query}`, () => expect(() => bind(query, args)).to.throw(message));

  const kinds: readonly [string, boolean][] = [
    ['select 1', true],
    [' -- c\n /* ; */ SELECT 1;', true],
    ["select ';'", true],
    ['select $a$;$a$', true],
    ['select 1; select 2', false],
    ['create table a()', false],
    ['select 1 into t', false],
    ["select E'\\';'", true],
    ['with a as (select 1) select * from a', true],
    ['(select 1)', true],
    ['vacuum', false],
  ];
  for (const [query, preparable] of kinds)
    it(`${query}: ${preparable ? 'can' : 'cannot'} be prepared`, () =>
      expect(inspect(query).preparable).to.equal(preparable));

  it('come back in their types', () => {
    expect(typedValue('12', 'integer')).to.equal(12);
    expect(typedValue('1.50', 'numeric(10,2)')).to.equal(1.5);
    expect(typedValue('9223372036854775807', 'bigint')).to.equal(9223372036854775807n);
    expect(typedValue('NaN', 'double precision')).to.equal('NaN');
    expect(typedValue('f', 'boolean')).to.equal(false);
    expect(typedValue('{"a": [1]}', 'jsonb')).to.deep.equal({ a: [1] });
    expect(typedValue('2024-01-02 03:04:05.5+02', 'timestamp with time zone')).to.equal(
      '2024-01-02T03:04:05.500000+02:00',
    );
    expect(parseArray('{1,NULL,{2,3}}', 'integer')).to.deep.equal([1, null, [2, 3]]);
    expect(parseArray('{"a,b","c\\"d",NULL,"NULL"}', 'text')).to.deep.equal(['a,b', 'c"d', null, 'NULL']);
  });

  it('say whether something changed', () => {
    const statuses: readonly [string, boolean][] = [
      ['SELECT 5', false],
      ['INSERT 0 0', false],
      ['INSERT 0 3', true],
      ['UPDATE 0', false],
      ['DELETE 2', true],
      ['CREATE TABLE', true],
      ['SHOW', true],
    ];
    for (const [status, changed] of statuses) expect(changes(status), status).to.equal(changed);
  });
});

describe('postgresql_query', () => {
  let cluster: Cluster;
  before(function () {
    cluster = startCluster(this);
    process.env.POLARPLAY_TEST_SOCKET = cluster.socket;
  });
  after(() => cluster?.stop());

  const run = (raw: Record<string, Json>, options?: TestOptions) =>
    runModule(postgresqlQuery, { login_unix_socket: cluster.socket, db: 'postgres', ...raw }, options);

  // The socket of the server appears in each case's directory.
  const setup = 'ln -s "$POLARPLAY_TEST_SOCKET" s';
  const at = { login_unix_socket: '{dir}/s', db: 'postgres' };
  const same = (name: string, args: Record<string, Json>): OracleCase => ({
    name,
    setup,
    args: { ...at, ...args },
  });
  const cases: readonly OracleCase[] = [
    same('types', {
      query: `select 1 as i, 2::bigint as big, 1.25::numeric as n, 0.5::float8 as f, true as b, null as nothing, 'x' as t,
              '{"x":[1]}'::jsonb as j, array['a','b,"c'] as a, array[[1,2],[3,4]] as aa, date '2024-02-03' as d,
              timestamp '2024-02-03 04:05:06.7' as ts, uuid '00000000-0000-0000-0000-000000000001' as u,
              'a'::name as na, inet '10.0.0.1/8' as ip`,
    }),
    same('arguments', { query: 'select %s as a, %s as b, %s as c', positional_args: ["it's", 5, true] }),
    same('names', { query: 'select %(a)s as a, %(l)s::int[] as l', named_args: { a: 'x%y', l: [1, 2] } }),
    same('several', { query: ['select 1 as a', 'select 2 as b union select 3 order by 1'] }),
    same('no rows', { query: 'select 1 as a where false' }),
    same('nothing changed', { query: 'create temp table x (a int)' }),
    same('temporary', {
      query: [
        'create temp table x (a int)',
        'insert into x values (1), (2)',
        'delete from x where a = 1',
        'update x set a = 5 where false',
      ],
    }),
    same('returning', {
      query: ['create temp table x (a int)', 'insert into x values (1), (2) returning a'],
    }),
    same('show', { query: 'show server_encoding' }),
    {
      ...same('several in one', { query: 'select 1 as a; select 2 as b' }),
      except: ['query_result', 'query_all_results'],
    },
    same('role', { query: 'select current_user as u', session_role: 'pg_monitor' }),
  ];
  itAgreesWithAnsible(
    postgresqlQuery,
    {
      fields: ['query_result', 'query_all_results', 'statusmessage', 'rowcount', 'query_list', 'query'],
      via: 'module',
      ansibleName: 'community.postgresql.postgresql_query',
      needs: ['/usr/lib/python3/dist-packages/psycopg2'],
    },
    cases,
  );

  it('gives typed rows', async () => {
    const result = await run({
      query: `select 1 as i, 1.5::numeric as n, true as b, null::int as nothing, 'a''b\\' as t, '{"x":[1]}'::json as j,
              array[1,2] as a, date '2024-02-03' as d, timestamptz '2024-02-03 04:05:06+00' at time zone 'UTC' as ts, '' as empty,
              E'two\\nlines' as l`,
    });
    expect(result).to.deep.include({ changed: false, statusmessage: 'SELECT 1', rowcount: 1 });
    expect(result.query_result).to.deep.equal([
      {
        i: 1,
        n: 1.5,
        b: true,
        nothing: null,
        t: "a'b\\",
        j: { x: [1] },
        a: [1, 2],
        d: '2024-02-03',
        ts: '2024-02-03T04:05:06',
        empty: '',
        l: 'two\nlines',
      },
    ]);
  });

  it('changes data, and says how much', async () => {
    expect(await run({ query: 'create table t (id int primary key, name text)' })).to.deep.include({
      changed: true,
      statusmessage: 'CREATE TABLE',
      query_result: {},
      rowcount: 0,
    });
    const inserted = await run({
      query: 'insert into t values (%s, %s), (2, null) returning name',
      positional_args: [1, "x'; drop table t; --"],
    });
    expect(inserted).to.deep.include({ changed: true, statusmessage: 'INSERT 0 2', rowcount: 2 });
    expect(inserted.query_result).to.deep.equal([{ name: "x'; drop table t; --" }, { name: null }]);
    expect(
      await run({ query: 'update t set name = %(n)s where id = 99', named_args: { n: 'a' } }),
    ).to.deep.include({
      changed: false,
      statusmessage: 'UPDATE 0',
    });
    expect(
      (await run({ query: 'select id from t where id = any(%s) order by id', positional_args: [[2, 1]] }))
        .query_result,
    ).to.deep.equal([{ id: 1 }, { id: 2 }]);
    expect((await run({ query: 'select * from t where false' })).query_result).to.deep.equal([]);
  });

  it('undoes everything in check mode', async () => {
    const result = await run(
      { query: ['create table u (a int)', 'insert into u values (1)', 'select a from u'] },
      { checkMode: true },
    );
    expect(result).to.deep.include({ changed: true, statusmessage: 'SELECT 1', query_result: [{ a: 1 }] });
    expect((await run({ query: "select to_regclass('u') as u" })).query_result).to.deep.equal([{ u: null }]);
  });

  it('undoes all when one query of a list fails, and says which', async () => {
    const result = await run({ query: ['create table v (a int)', 'select * from nowhere'] });
    expect(result.failed).to.equal(true);
    expect(result.msg).to.match(
      /^Cannot execute SQL 'select \* from nowhere' null: ERROR: +relation "nowhere" does not exist\nLINE 1: select \* from nowhere\n/,
    );
    expect((await run({ query: "select to_regclass('v') as v" })).query_result).to.deep.equal([{ v: null }]);
  });

  it('runs what cannot be in a transaction', async () => {
    expect(await run({ query: 'vacuum', autocommit: true })).to.deep.include({
      changed: true,
      statusmessage: 'VACUUM',
    });
    expect((await run({ query: 'vacuum' })).msg).to.match(/VACUUM cannot run inside a transaction block/);
  });

  it('reads settings and plans', async () => {
    expect((await run({ query: 'show work_mem' })).query_result).to.deep.equal([{ work_mem: '4MB' }]);
    expect((await run({ query: 'explain select 1' })).query_result)
      .to.be.an('array')
      .with.length(1);
  });

  it('lets no psql command in a query through', async () => {
    for (const query of ['\\! touch /tmp/polarplay-pwned', 'select 1 \\g /tmp/polarplay-pwned', '\\echo x']) {
      const result = await run({ query });
      expect(result.msg, query).to.match(/syntax error at or near "\\"/);
    }
    expect((await run({ query: "select ':USER' as a, 'b' as \":PORT\"" })).query_result).to.deep.equal([
      { a: ':USER', ':PORT': 'b' },
    ]);
    expect((await run({ query: 'select (array[1,2])[1:2] as a' })).query_result).to.deep.equal([
      { a: [1, 2] },
    ]);
  });

  it('brings any text back as it was', async () => {
    const texts = fc.array(
      fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom("'", '\\', "\\'", '$$', '\n', '%s', ':a', '`id`'),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(texts, async parts => {
        const text = parts.join('').replaceAll('\0', '');
        for (const scs of ['on', 'off']) {
          const connect_params = { options: `-c standard_conforming_strings=${scs}` };
          const result = await run({
            query: 'select %s as v, %s::text[] as a',
            positional_args: [text, [text]],
            connect_params,
          });
          expect(result.query_result, `${scs} ${JSON.stringify(result.msg)}`).to.deep.equal([
            { v: text, a: [text] },
          ]);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('keeps SQL and passwords out of argument lists', async () => {
    const scripts: string[] = [];
    await run(
      { query: "select 'hidden-text'", login_password: 'hidden-password' },
      { onRequest: r => scripts.push(r.kind === 'sh' ? r.script : '') },
    );
    expect(scripts.join()).not.to.match(/hidden/);
  });

  it('says that the server cannot be reached', async () => {
    const result = await run({ query: 'select 1', login_unix_socket: '/no/such/dir' });
    expect(result.msg).to.match(
      /^unable to connect to database: .*connection to server on socket "\/no\/such\/dir/s,
    );
  });

  it('switches role and search path', async () => {
    await run({ query: ['create role walker', 'create schema s', 'grant usage on schema s to walker'] });
    const result = await run({
      query: 'select current_user as u, current_schemas(false) as s',
      session_role: 'walker',
      search_path: ['s', 'public'],
    });
    expect(result.query_result).to.deep.equal([{ u: 'walker', s: ['s', 'public'] }]);
  });

  it('takes parameters of the connection', async () => {
    const result = await run({
      query: 'show application_name',
      connect_params: { application_name: 'polarplay test' },
    });
    expect(result.query_result).to.deep.equal([{ application_name: 'polarplay test' }]);
    expect((await run({ query: 'select 1', connect_params: { nonsense: 1 } })).msg).to.match(
      /"nonsense" is not known/,
    );
  });
});
