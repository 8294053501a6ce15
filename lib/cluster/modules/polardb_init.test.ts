import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { finishedArguments, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { until } from '../../../test/support/until.ts';
import type { ModuleError } from '../../modules/kit/define.ts';
import { type Args, type Found, initScript, polardbInit, sharedHoldsFiles } from './polardb_init.ts';

const blank: Found = {
  local: 'blank',
  version: '',
  signal: false,
  running: false,
  shared: false,
  sharedIdentifier: '',
  ownShared: false,
};

const request = (more: Readonly<Record<string, string | number>> = {}) =>
  finishedArguments(polardbInit, {
    role: 'primary',
    bin: '/opt/bin',
    data: '/home/polardb/data',
    shared: '/nvmex/shared_data/',
    ...more,
  }) as unknown as Args;

const outcome = (found: Partial<Found>, raw = request()) => {
  try {
    return polardbInit.diff({ ...blank, ...found } as never, raw as never, {} as never).changes.join('; ');
  } catch (error) {
    return (error as ModuleError).message;
  }
};

describe('polardb_init', () => {
  const cases: readonly [string, Partial<Found>, RegExp, Args?][] = [
    ['makes a primary where nothing is', {}, /^make the primary/],
    [
      'refuses a new primary where the shared disk holds data, and says nothing of removing it',
      { shared: true },
      /shared_data\/ on the shared disk holds data.*Do not remove the shared data.*failover\.yml/,
    ],
    [
      'never advises to remove shared data that an interrupted initialisation had not made',
      { local: 'half' },
      /half made(?!.*pfs rm)/,
    ],
    [
      'names the shared folder when the interrupted initialisation had made it',
      { local: 'half', ownShared: true },
      /with pfs rm -r, \/nvmex\/shared_data\/, which it had made new/,
    ],
    [
      'never advises to remove shared data once a database is recorded',
      { local: 'half', ownShared: true },
      /half made(?!.*pfs rm).*Do NOT remove \/nvmex\/shared_data\/: the database with system identifier 7/,
      request({ system_identifier: '7' }),
    ],
    [
      'never advises to remove shared data for a replica, whatever an earlier primary there had begun',
      { local: 'half', ownShared: true },
      /half made(?!.*pfs rm)/,
      request({ role: 'replica' }),
    ],
    [
      'names the database that another cluster has on the disk',
      { shared: true, sharedIdentifier: '8' },
      /holds the database with system identifier 8.*The role record says 7: look first.*Do not remove/,
      request({ system_identifier: '7' }),
    ],
    ['refuses files that are not a database', { local: 'foreign' }, /holds files but no database/],
    ['refuses another major version', { local: 'present', version: '11' }, /is of version 11, not 15/],
    [
      'refuses to make a primary of a replica',
      { local: 'present', version: '15', signal: true },
      /switchover/,
    ],
    [
      'refuses to make a replica of a running writer',
      { local: 'present', version: '15', running: true },
      /it is a writer, not a replica/,
      request({ role: 'replica' }),
    ],
    ['leaves a primary alone', { local: 'present', version: '15' }, /^$/],
    [
      'gives a replica its signal file back',
      { local: 'present', version: '15' },
      /^write replica\.signal/,
      request({ role: 'replica' }),
    ],
  ];
  for (const [what, found, expected, raw] of cases)
    it(what, () => expect(outcome(found, raw)).to.match(expected));

  it('sees an interrupted initialisation, and whether it had made the shared folder', () =>
    withTemporaryDirectory(async dir => {
      const data = join(dir, 'data');
      mkdirSync(data);
      writeFileSync(join(data, 'base'), '');
      const raw = { role: 'primary', bin: '/opt/bin', data, shared: '/nvmex/shared_data/' };
      const message = async () => String((await runModule(polardbInit, raw, { checkMode: true })).msg);
      writeFileSync(`${data}.initializing`, 'The files belonging to this database system\n');
      expect(await message()).to.match(/half made(?!.*pfs rm)/);
      writeFileSync(`${data}.initializing`, 'success\nthe shared folder is new\n');
      expect(await message()).to.match(/half made.*pfs rm/);
    }));

  describe('an initdb', () => {
    before(function () {
      if (process.getuid?.() === 0) return;
      console.log(
        'skipped: what an initdb leaves that failed or was left alone; only root changes users; runs when the tests are run as root',
      );
      this.skip();
    });

    /** Runs the module with an initdb of these lines; `$data` is its data directory. */
    const withInitdb = (
      check: (
        make: (lines: string, more?: object) => Promise<Record<string, unknown>>,
        data: string,
      ) => unknown,
    ) =>
      withTemporaryDirectory(async dir => {
        const data = join(dir, 'data');
        const make = async (lines: string, more = {}) => {
          writeFileSync(join(dir, 'initdb'), `#!/bin/sh\ndata=$2\n${lines}\n`, { mode: 0o755 });
          const raw = { role: 'primary', database: 'postgresql', user: 'root', bin: dir, data, ...more };
          return (await runModule(polardbInit, raw)) as unknown as Record<string, unknown>;
        };
        await check(make, data);
      });

    it('that failed and left nothing can be run again', () =>
      withInitdb(async (make, data) => {
        expect((await make('echo no room >&2; exit 1')).msg).to.match(/making the primary failed: no room/);
        expect(existsSync(`${data}.initializing`)).to.equal(false);
        expect(await make('echo 15 >"$data/PG_VERSION"')).to.include({ changed: true, state: 'blank' });
      }));

    it('that failed and left files is half made', () =>
      withInitdb(async make => {
        expect((await make('touch "$data/base"; exit 1')).failed).to.equal(true);
        expect((await make('exit 0')).msg).to.match(/half made/);
      }));

    it('goes on when what waits for it is stopped, and the next run waits for its end', () =>
      withInitdb(async (make, data) => {
        const [begun, go] = [`${data}.begun`, `${data}.go`];
        const lines = `touch ${begun}; until [ -e ${go} ]; do sleep 0.05; done; echo 15 >"$data/PG_VERSION"`;
        writeFileSync(join(data, '..', 'initdb'), `#!/bin/sh\ndata=$2\n${lines}\n`, { mode: 0o755 });
        const raw = request({ database: 'postgresql', user: 'root', bin: join(data, '..'), data });
        // A group of its own, all of which is killed.
        const waiting = spawn('sh', ['-c', initScript(raw)], {
          detached: true,
          stdio: ['pipe', 'ignore', 'ignore'],
        });
        waiting.stdin.end('secret');
        await until(() => existsSync(begun));
        process.kill(-waiting.pid!, 'SIGKILL');
        await once(waiting, 'exit');
        const next = make(lines);
        writeFileSync(go, '');
        expect(await next).to.include({ changed: false, state: 'present' });
        expect(existsSync(`${data}.initializing`)).to.equal(false);
      }));

    it('follows no link of another user, and writes its log into no file that somebody prepared', () =>
      withInitdb(async (make, data) => {
        const there = join(data, '..', 'there');
        mkdirSync(there, { mode: 0o755 });
        symlinkSync(there, data);
        lchownSync(data, 65534, 65534);
        expect((await make('echo 15 >"$data/PG_VERSION"')).msg).to.match(/symbolic link .* is not followed/);
        expect([readdirSync(there), statSync(there).mode & 0o777]).to.deep.equal([[], 0o755]);
        lchownSync(data, 0, 0);
        writeFileSync(join(there, '..', 'precious'), 'kept');
        symlinkSync(join(there, '..', 'precious'), `${data}.initializing`);
        expect(await make('echo said; echo 15 >"$data/PG_VERSION"')).to.include({ changed: true });
        expect([readdirSync(there), statSync(there).mode & 0o777]).to.deep.equal([['PG_VERSION'], 0o700]);
        expect(readFileSync(join(there, '..', 'precious'), 'utf8')).to.equal('kept');
      }));

    it('that never began is not half made one', () =>
      withInitdb(async (make, data) => {
        writeFileSync(`${data}.initializing`, '');
        expect(await make('echo 15 >"$data/PG_VERSION"')).to.include({ changed: true, state: 'blank' });
      }));

    it('of version 11 says how much memory it takes and what there is', () =>
      withInitdb(async make => {
        const hint =
          "HINT:  This error usually means that PostgreSQL's request for a shared memory segment exceeded available " +
          'memory, swap space, or huge pages. To reduce the request size (currently 2244861952 bytes), reduce';
        const args = { database: 'polardb', version: 11, shared: '/nvmex/shared_data/' };
        const said = (await make(`echo ${JSON.stringify(hint)} >&2; exit 1`, args)).msg;
        expect(said).to.match(/initdb of version 11 takes 2140 MiB at once.*this host has [1-9]\d* MiB/);
        expect((await make('exit 1', args)).msg).not.to.contain('at once');
      }));
  });

  it('asks PFS what the shared folder holds, and goes on only when it can say', () =>
    withTemporaryDirectory(dir => {
      const pfs = join(dir, 'pfs');
      const script = sharedHoldsFiles(request()).replaceAll('/usr/local/bin/pfs', pfs);
      const answer = (body: string) => {
        writeFileSync(pfs, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
        const records = 'field() { printf "%s " "$@"; }\n';
        const { status, stdout, stderr } = spawnSync('sh', ['-c', records + script], { encoding: 'utf8' });
        return status === 0 ? stdout.replace(/\s+/g, ' ').trim() : stderr;
      };
      const root = 'echo " Dir 1 4096 shared_data"; echo "File 1 8 .pfs-paxos"';
      expect(
        answer(
          `case "$4" in *pg_control) exit 2;; */shared_data/) echo "File 1 8 PG_VERSION";; *) ${root};; esac`,
        ),
      ).to.equal('shared identifier');
      const control = join(dir, 'pg_control');
      writeFileSync(control, Buffer.from([7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]));
      expect(
        answer(
          `case "$4" in *pg_control) cat ${control};; */shared_data/) echo "Dir 1 8 global";; *) ${root};; esac`,
        ),
      ).to.equal('shared identifier 7');
      expect(answer(`case "$4" in */shared_data/) :;; *) ${root};; esac`)).to.equal('');
      expect(answer('echo "File 1 8 .pfs-paxos"')).to.equal('');
      expect(answer('exit 255')).to.match(/what the shared disk holds is not known/);
      expect(answer(`case "$4" in */shared_data/) exit 5;; *) ${root};; esac`)).to.match(/is not known/);
    }));
});
