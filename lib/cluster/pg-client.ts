import pg from 'pg';

/** Who logs in, and where. */
export interface SqlLogin {
  readonly address: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Without one, pg looks at PGPASSWORD and ~/.pgpass as every PostgreSQL client does. */
  readonly password?: string;
}

/** What a session may take, and under which name the server lists it. */
export interface ClientOptions {
  readonly application: string;
  readonly connectMs: number;
  readonly answerMs: number;
  /** Settings of the session, as `-c name=value`. */
  readonly options?: string;
}

/** Logs in to a node; the caller ends the session. A server that goes away between two statements is reported by the next. */
export async function logIn(
  { address, port, database, user, password }: SqlLogin,
  { application, connectMs, answerMs, options = '' }: ClientOptions,
): Promise<pg.Client> {
  const client = new pg.Client({
    host: address,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    application_name: application,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
    options,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
