import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';

export interface Cluster {
  /** Directory of the socket, for login_unix_socket. */
  readonly socket: string;
  readonly user: string;
  /** Directory of its programs, its data directory, and the account it runs as. */
  readonly bin: string;
  readonly data: string;
  readonly account: string;
  stop(): void;
}

const LIB = '/usr/lib/postgresql';

/** Directory of the newest installed server's programs; undefined when there is none. */
function serverPrograms(): string | undefined {
  if (!existsSync(LIB)) return undefined;
  const versions = readdirSync(LIB).sort((a, b) => Number(b) - Number(a));
  return versions
    .map(v => join(LIB, v, 'bin'))
    .find(bin => existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres')));
}

/** An account the server may run as: it refuses to run as root. */
function serverAccount(): { readonly name: string; readonly uid: number; readonly gid: number } {
  const me = userInfo();
  if (me.uid !== 0) return { name: me.username, uid: me.uid, gid: me.gid };
  for (const name of ['postgres', 'nobody']) {
    const id = (flag: string) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout);
    const [uid, gid] = [id('-u'), id('-g')];
    if (uid > 0) return { name, uid, gid };
  }
  return { name: me.username, uid: me.uid, gid: me.gid };
}

/**
 * Starts a throw-away server on a socket in a temporary directory, with the superuser `postgres` and no checks at login
 * but for the user `checked`, who needs a password. Skips the test, saying why, where no server is installed.
 */
export function startCluster(test: Context): Cluster {
  const bin = serverPrograms();
  if (bin === undefined) {
    console.log('      skipped: runs where a PostgreSQL server is installed (package postgresql)');
    test.skip();
    throw new Error('skipped');
  }
  const account = serverAccount();
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-pg-'));
  chownSync(dir, account.uid, account.gid);
  const run = (program: string, ...words: string[]) => {
    const done = spawnSync(join(bin, program), words, {
      uid: account.uid,
      gid: account.gid,
      cwd: dir,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
    });
    if (done.status !== 0) throw new Error(`${program} failed: ${done.stdout}${done.stderr}`);
  };
  const data = join(dir, 'data');
  run('initdb', '-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '-A', 'trust');
  run(
    'pg_ctl',
    '-D',
    data,
    '-w',
    '-l',
    join(dir, 'log'),
    '-o',
    `-k ${dir} -c listen_addresses='' -c fsync=off -c max_connections=20`,
    'start',
  );
  return {
    socket: dir,
    user: 'postgres',
    bin,
    data,
    account: account.name,
    stop: () => {
      run('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
