import type pg from 'pg';
import { messageOf } from '../source/errors.ts';
import type { CommandReply, Hosts } from './hosts.ts';
import { logIn, type SqlLogin } from './pg-client.ts';

/** The server refused a statement; `sqlstate` is its five-character code. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly sqlstate: string | undefined;

  constructor(message: string, sqlstate: string | undefined) {
    super(message);
    this.sqlstate = sqlstate;
  }
}

/** How to log in to the database of one node. */
export interface SqlTarget extends SqlLogin {
  readonly host: string;
  /** For psql on the host: the user that may log in through the socket, where the socket is, and the program. */
  readonly osUser: string;
  readonly socketDir: string;
  readonly psql: string;
}

/** One session with one node. Reading sessions cannot write, whatever is sent through them. */
export interface SqlSession {
  /** How statements travel, for people. */
  readonly route: string;
  /** Whether a statement is quick enough to time what it sees: psql on the host starts a program for each. */
  readonly timely: boolean;
  /** Rows of a query; numbers, booleans and nested values keep their types. */
  select<Row>(query: string): Promise<readonly Row[]>;
  execute(statement: string): Promise<void>;
  close(): Promise<void>;
}

const APPLICATION = 'polarplay-verify';
const STATEMENT_MS = 10_000;
const MOST_FOR_LOGIN_MS = 30_000;

type Access = 'read' | 'write';

/** Both routes fetch rows as JSON, so a value has the same type whichever way it came. */
const asJson = (query: string) => `SELECT coalesce(json_agg(q), '[]') AS rows FROM (${query}) q`;

/** What a session may do, and how long a statement may take. */
interface Limits {
  readonly access: Access;
  readonly statementMs: number;
}

const loginMs = ({ statementMs }: Limits) => Math.min(statementMs / 2, MOST_FOR_LOGIN_MS);

const settings = ({ access, statementMs }: Limits) =>
  `-c statement_timeout=${statementMs} -c default_transaction_read_only=${access === 'read' ? 'on' : 'off'}`;

class PgSession implements SqlSession {
  readonly route: string;
  readonly timely = true;
  readonly #client: pg.Client;

  private constructor(client: pg.Client, target: SqlTarget) {
    this.#client = client;
    this.route = `pg to ${target.address}:${target.port} as ${target.user}`;
  }

  static async open(target: SqlTarget, limits: Limits): Promise<PgSession> {
    const login = {
      application: APPLICATION,
      connectMs: loginMs(limits),
      answerMs: limits.statementMs + 1000,
      options: settings(limits),
    };
    const client = await logIn(target, login).catch(error => {
      throw asSqlError(error);
    });
    return new PgSession(client, target);
  }

  async select<Row>(query: string): Promise<readonly Row[]> {
    const result = await this.#query(asJson(query));
    return (result.rows[0] as { rows: Row[] }).rows;
  }

  async execute(statement: string): Promise<void> {
    await this.#query(statement);
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  async #query(text: string): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(text);
    } catch (error) {
      throw asSqlError(error);
    }
  }
}

class PsqlSession implements SqlSession {
  readonly route: string;
  readonly timely = false;
  readonly #hosts: Hosts;
  readonly #target: SqlTarget;
  readonly #limits: Limits;

  constructor(hosts: Hosts, target: SqlTarget, limits: Limits) {
    this.#hosts = hosts;
    this.#target = target;
    this.#limits = limits;
    this.route = `psql on ${target.host} as ${target.osUser}`;
  }

  async select<Row>(query: string): Promise<readonly Row[]> {
    return JSON.parse(await this.#run(asJson(query))) as Row[];
  }

  async execute(statement: string): Promise<void> {
    await this.#run(statement);
  }

  async close(): Promise<void> {}

  async #run(sql: string): Promise<string> {
    const { host, osUser } = this.#target;
    const reply = await this.#hosts.command(
      host,
      [...psqlCommand(this.#target), '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose'],
      {
        as: osUser,
        stdin: sql,
        timeoutMs: this.#limits.statementMs + 1000,
        env: {
          PGAPPNAME: APPLICATION,
          PGOPTIONS: settings(this.#limits),
          PGCONNECT_TIMEOUT: `${Math.ceil(loginMs(this.#limits) / 1000)}`,
        },
      },
    );
    if (reply.rc !== 0) throw psqlError(reply);
    return reply.stdout;
  }
}

/** psql on the node, as its own user on its socket. */
function psqlCommand({ psql, socketDir, port, user, database }: SqlTarget): readonly string[] {
  return [psql, '-XAtq', '-h', socketDir, '-p', `${port}`, '-U', user, '-d', database];
}

function asSqlError(error: unknown): SqlError {
  const code = (error as { code?: unknown }).code;
  const text = messageOf(error) || String(code);
  return new SqlError(text, typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined);
}

/** With VERBOSITY=verbose psql prints "ERROR:  25006: cannot execute …". */
function psqlError({ rc, stderr }: CommandReply): SqlError {
  const match = /(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5}): (.*)/.exec(stderr);
  if (match) return new SqlError(match[2]!, match[1]);
  const lines = stderr.trim().split('\n');
  const said = lines.find(line => /error|fatal/i.test(line)) ?? lines.at(-1);
  return new SqlError(said || `psql ended with ${rc}`, undefined);
}

/**
 * The sessions of a run. SQL goes straight to the node through pg; where that is not let in from here (no password
 * known, no rule in pg_hba.conf, a port that only the nodes reach) it goes through psql on the node, as the database's
 * own user on its socket. Which way was taken, and why, is remembered for the report's head.
 */
export class Databases {
  readonly #hosts: Hosts;
  readonly #targets: ReadonlyMap<string, SqlTarget>;
  readonly #sessions = new Map<string, Promise<SqlSession>>();
  readonly statementMs: number;
  readonly #remarks = new Map<string, string>();
  readonly #refused = new Map<string, string>();
  readonly #shut = new Map<string, Error>();

  constructor(hosts: Hosts, targets: Iterable<SqlTarget>, statementMs = STATEMENT_MS) {
    this.#hosts = hosts;
    this.statementMs = statementMs;
    this.#targets = new Map([...targets].map(target => [target.host, target]));
  }

  /** A session that can only read. */
  reader(host: string): Promise<SqlSession> {
    return this.#session(host, 'read');
  }

  /** A session that writes; only for the suite's own schema. */
  writer(host: string): Promise<SqlSession> {
    return this.#session(host, 'write');
  }

  /**
   * What psql on the node says to a script of `queryScript`; where psql is not let in, the same queries through pg. A
   * client that is not let in from here is the business of a check of its own.
   */
  async readAll(
    host: string,
    script: string,
    mark: string,
    queries: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const target = this.#target(host);
    const reply = await this.#hosts.command(host, psqlCommand(target), {
      as: target.osUser,
      stdin: script,
      timeoutMs: this.statementMs + 1000,
      env: { PGAPPNAME: APPLICATION, PGCONNECT_TIMEOUT: '5' },
      signal,
    });
    if (reply.stdout.includes(mark)) {
      this.#remarks.set(host, `SQL on ${host}: psql on the node as ${target.osUser}`);
      return reply.stdout;
    }
    const refused = psqlError(reply).message;
    this.#refused.set(host, refused);
    const limits = { access: 'read', statementMs: this.statementMs } as const;
    const session = await PgSession.open(target, limits).catch((error: unknown) => {
      throw new Error(
        `psql on ${host}: ${refused}; pg to ${target.address}:${target.port}: ${messageOf(error)}`,
      );
    });
    this.#remarks.set(host, `SQL on ${host}: ${session.route} (psql on the node: ${refused})`);
    try {
      const parts: string[] = [];
      for (const [i, query] of queries.entries()) {
        const answer = await session.select(query).then(JSON.stringify, (e: unknown) => {
          return `[]\n${mark} error ${(e as SqlError).sqlstate ?? ''} ${messageOf(e)}`;
        });
        parts.push(`${mark} ${i}\n${answer}\n`);
      }
      return parts.join('');
    } finally {
      await session.close();
    }
  }

  /** Why psql on the node was not let in; undefined where it was. */
  refusedLocally(host: string): string | undefined {
    return this.#refused.get(host);
  }

  /** One row by way of psql on the node. */
  async local<Row>(host: string, query: string): Promise<Row | undefined> {
    const limits = { access: 'read', statementMs: this.statementMs } as const;
    const [row] = await new PsqlSession(this.#hosts, this.#target(host), limits).select<Row>(query);
    return row;
  }

  /** A session of its own through pg, as any client has it; `password` stands for the one that is known. */
  direct(host: string, password?: string): Promise<SqlSession> {
    const target = this.#target(host);
    const limits = { access: 'read', statementMs: this.statementMs } as const;
    return PgSession.open(password === undefined ? target : { ...target, password }, limits);
  }

  /** A session of its own by the way that works, for who may have to leave it hanging. */
  fresh(host: string, access: Access): Promise<SqlSession> {
    return this.#open(host, access);
  }

  #target(host: string): SqlTarget {
    const target = this.#targets.get(host);
    if (!target) throw new Error(`${host} is not a database node of this inventory`);
    return target;
  }

  get remarks(): readonly string[] {
    return [...this.#remarks.values()];
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#sessions.values());
    await Promise.all(opened.map(o => (o.status === 'fulfilled' ? o.value.close() : undefined)));
  }

  #session(host: string, access: Access): Promise<SqlSession> {
    const key = `${host} ${access}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const opening = this.#open(host, access);
    this.#sessions.set(key, opening);
    // A node that did not answer is asked anew by the next check: it may be on its way up.
    opening.catch(() => this.#sessions.delete(key));
    return opening;
  }

  /** How questions travelled is said, not how what was written did. */
  #remark(host: string, route: string): void {
    if (!this.#remarks.has(host)) this.#remarks.set(host, `SQL on ${host}: ${route}`);
  }

  async #open(host: string, access: Access): Promise<SqlSession> {
    const target = this.#target(host);
    const limits = { access, statementMs: this.statementMs };
    try {
      // A way that was shut is not tried again and again: a port that drops packets costs its whole limit each time.
      const before = this.#shut.get(host);
      if (before) throw before;
      const session = await PgSession.open(target, limits);
      this.#remark(host, session.route);
      return session;
    } catch (refused) {
      this.#shut.set(host, refused as Error);
      const session = new PsqlSession(this.#hosts, target, limits);
      try {
        await session.select('SELECT 1');
      } catch (alsoRefused) {
        const route = `${target.address}:${target.port}`;
        // A node that answers in no way may be on its way up: both are tried again.
        this.#shut.delete(host);
        throw new SqlError(
          `the database cannot be reached: pg to ${route}: ${messageOf(refused)}; ${session.route}: ${messageOf(alsoRefused)}`,
          (alsoRefused as SqlError).sqlstate,
        );
      }
      this.#remark(host, `${session.route} (pg was refused: ${messageOf(refused)})`);
      return session;
    }
  }
}
