import type { DatabaseNode } from '../../../lib/cluster/deployment.ts';
import { untilAborted } from '../../../lib/cluster/eventually.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { Databases, type SqlSession } from '../../../lib/cluster/sql.ts';

/** How long a statement may take, by its kind: a checkpoint on a busy disk takes minutes, a look at a catalogue does not. */
const LIMITS_MS = {
  look: 15_000,
  drop: 10 * 60_000,
  work: 60 * 60_000,
} as const;
export type StatementKind = keyof typeof LIMITS_MS;

export interface Statement {
  readonly host: string;
  readonly kind: StatementKind;
  readonly sql: string;
  /** The maintenance database when not given. */
  readonly database?: string;
}

/**
 * SQL around the measurements. Each statement has a session of its own: one that is kept over hours is dead when the server
 * was restarted meanwhile, and takes the night with it.
 */
export class Statements {
  readonly #hosts: Hosts;
  readonly #nodes: ReadonlyMap<string, DatabaseNode>;

  constructor(hosts: Hosts, nodes: readonly DatabaseNode[]) {
    this.#hosts = hosts;
    this.#nodes = new Map(nodes.map(node => [node.host, node]));
  }

  /** Rows of a query, through a session that cannot write. */
  select<Row>(statement: Statement, signal?: AbortSignal): Promise<readonly Row[]> {
    return this.#with(statement, 'reader', session => session.select<Row>(statement.sql), signal);
  }

  execute(statement: Statement, signal?: AbortSignal): Promise<void> {
    return this.#with(statement, 'writer', session => session.execute(statement.sql), signal);
  }

  async #with<T>(
    { host, kind, database }: Statement,
    access: 'reader' | 'writer',
    work: (session: SqlSession) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const node = this.#nodes.get(host);
    if (!node) throw new Error(`${host} is not a database node of this inventory`);
    const target = database === undefined ? node.sql : { ...node.sql, database };
    const databases = new Databases(this.#hosts, [target], LIMITS_MS[kind]);
    const answer = databases[access](host).then(work);
    try {
      return await (signal ? untilAborted(answer, signal) : answer);
    } finally {
      await databases.close();
    }
  }
}
