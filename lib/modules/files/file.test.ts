import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { file } from './file.ts';
import { timeChanges, wantedTime } from './file-times.ts';

const TREE = 'mkdir -p d/e; echo 1 >d/f; echo 2 >d/e/g; chmod 600 d/f; chmod 755 d/e/g; chmod 700 d/e';

const want = (
  name: string,
  setup: string,
  args: Record<string, Json>,
  more: Partial<OracleCase> = {},
): OracleCase => ({ name, setup, args: { path: '{dir}/p', ...args }, ...more });

const CASES: readonly OracleCase[] = [
  want('makes a directory', '', { state: 'directory' }),
  want('makes directories on the way', '', { path: '{dir}/a/b/c', state: 'directory', mode: '0750' }),
  want('makes directories with an owner', '', {
    path: '{dir}/a/b',
    state: 'directory',
    owner: 'daemon',
    group: 'sys',
    mode: 'g+s',
  }),
  want('keeps a directory', 'mkdir p', { state: 'directory', mode: '0755' }),
  want('sets the mode of a directory', 'mkdir p', { state: 'directory', mode: '0700' }),
  want('clears setgid of a directory', 'mkdir p; chmod 2755 p', { state: 'directory', mode: '0755' }),
  want('makes a directory in a setgid directory', 'chmod 2775 .; chgrp daemon .', {
    state: 'directory',
    mode: '0755',
  }),
  want("makes root's directory in a setgid directory", 'chmod 2775 .; chgrp daemon .', {
    path: '{dir}/p/q',
    state: 'directory',
    owner: 'root',
    group: 'root',
    mode: '0750',
  }),
  want('takes a trailing slash', '', { path: '{dir}/p/', state: 'directory' }),
  want('refuses a directory where a file is', 'echo x >p', { state: 'directory' }),
  want('follows a link to a directory', 'mkdir d; ln -s d p', { state: 'directory', mode: '0700' }),
  want('makes the directory a link leads to', 'ln -s d p', { state: 'directory' }),
  want('refuses a link when not following', 'mkdir d; ln -s d p', { state: 'directory', follow: false }),
  want('brings a tree to one mode', TREE, {
    path: '{dir}/d',
    state: 'directory',
    recurse: true,
    mode: '0750',
  }),
  want('brings a tree to symbolic modes', TREE, {
    path: '{dir}/d',
    state: 'directory',
    recurse: true,
    mode: 'u=rwX,go=rX',
  }),
  want('brings a tree to one owner', TREE, {
    path: '{dir}/d',
    state: 'directory',
    recurse: true,
    owner: 'daemon',
    group: '12',
  }),
  want(
    'brings links in a tree to one owner',
    `${TREE}; ln -s f d/l; ln -s nowhere d/m; echo x >out; ln -s ../out d/n`,
    { path: '{dir}/d', state: 'directory', recurse: true, owner: 'daemon' },
  ),
  want('takes names with odd characters', `mkdir d; touch "d/it's" "d/a b" d/-n 'd/$x'`, {
    path: '{dir}/d',
    recurse: true,
    mode: 'g=rwx',
  }),
  want('refuses recurse for a file', 'echo x >p', { recurse: true, state: 'file' }),
  want('makes a directory for recurse', '', { recurse: true }),

  want('keeps a file', 'echo x >p', { state: 'file', mode: '0644' }),
  want('sets mode and owner of a file', 'echo x >p', { mode: '04711', owner: 'daemon', group: 'daemon' }),
  want('sets a symbolic mode', 'echo x >p; chmod 640 p', { mode: 'u+x,g+r,o=' }),
  want('takes numbers for owners', 'echo x >p', { owner: '123', group: '456' }),
  want('refuses an unknown user', 'echo x >p', { owner: 'no-such-user' }, { unpredictable: true }),
  want('refuses an unknown group', 'echo x >p', { group: 'no-such-group' }, { unpredictable: true }),
  want('refuses a missing file', '', { state: 'file' }),
  want('refuses a missing file of no state', '', { mode: '0600' }),
  want('refuses a directory as a file', 'mkdir p', { state: 'file' }),
  want('keeps a directory without state', 'mkdir p', { mode: '0700' }),
  want('follows a link to a file', 'echo x >f; ln -s f p', { mode: '0600' }),
  want('sets the owner of a link itself', 'echo x >f; ln -s f p', {
    owner: 'daemon',
    follow: false,
    state: 'link',
  }),
  want('refuses src without link', 'echo x >p', { src: '/x', state: 'file' }),

  want('removes a file', 'echo x >p', { state: 'absent' }),
  want('removes a tree', 'mkdir -p p/a/b; echo x >p/a/c', { state: 'absent' }),
  want('removes a link, not its target', 'mkdir d; echo x >d/f; ln -s d p', { state: 'absent' }),
  want('removes nothing', '', { state: 'absent' }),

  want('touches a new file', '', { state: 'touch', mode: '0600', owner: 'daemon' }, { repeats: true }),
  want('touches an old file', 'echo x >p', { state: 'touch', mode: '0600' }, { repeats: true }),
  want('touches once', '', { state: 'touch', access_time: 'preserve', modification_time: 'preserve' }),
  want('touches a directory', 'mkdir p', { state: 'touch' }, { repeats: true }),
  want(
    'cannot touch in no directory',
    '',
    { path: '{dir}/a/p', state: 'touch' },
    { except: ['msg', 'dest'], unpredictable: true },
  ),
  want('sets a time', 'echo x >p', {
    state: 'touch',
    modification_time: '202401020304.05',
    access_time: 'preserve',
  }),
  want('sets times in another form', 'echo x >p', {
    modification_time: '2024-01-02',
    modification_time_format: '%Y-%m-%d',
    access_time: '3.2.24',
    access_time_format: '%d.%m.%y',
  }),
  want('keeps a time', 'touch -d "2024-01-02 03:04:05" p', { modification_time: '202401020304.05' }),
  want(
    'refuses a wrong time',
    'echo x >p',
    { modification_time: 'yesterday' },
    { except: ['msg', 'state', 'mode', 'owner', 'group', 'uid', 'gid'] },
  ),

  want('makes a link', 'echo x >f', { state: 'link', src: 'f' }),
  want('makes a link to an absolute path', 'echo x >f', { state: 'link', src: '{dir}/f' }),
  want('keeps a link', 'echo x >f; ln -s f p', { state: 'link', src: 'f' }),
  want('changes a link', 'echo x >f; ln -s g p', { state: 'link', src: 'f' }),
  want('changes a link to a directory', 'mkdir d e; ln -s d p', { state: 'link', src: 'e' }),
  want('refuses a missing target', '', { state: 'link', src: 'f' }, { except: ['msg'] }),
  want(
    'forces a missing target',
    '',
    { state: 'link', src: 'f', force: true },
    {
      except: ['state', 'mode', 'owner', 'group', 'uid', 'gid'],
    },
  ),
  want('refuses a file in the way', 'echo x >f; echo y >p', { state: 'link', src: 'f' }),
  want('replaces a file in the way', 'echo x >f; echo y >p', { state: 'link', src: 'f', force: true }),
  want('refuses a directory in the way', 'echo x >f; mkdir p', { state: 'link', src: '{dir}/f' }),
  want('replaces an empty directory', 'echo x >f; mkdir p', { state: 'link', src: '{dir}/f', force: true }),
  want('refuses a full directory', 'echo x >f; mkdir p; : >p/.hidden', {
    state: 'link',
    src: '{dir}/f',
    force: true,
  }),
  want('sets the mode of what a link leads to', 'echo x >f', { state: 'link', src: 'f', mode: '0600' }),
  want('sets the owner of a new link', 'echo x >f', {
    state: 'link',
    src: 'f',
    owner: 'daemon',
    follow: false,
  }),
  want('needs src for a link', '', { state: 'link' }, { except: ['path'] }),
  want('keeps a link without src', 'echo x >f; ln -s f p', { state: 'link', mode: '0600' }),

  want('makes a hard link', 'echo x >f', { state: 'hard', src: '{dir}/f' }),
  want('keeps a hard link', 'echo x >f; ln f p', { state: 'hard', src: '{dir}/f' }),
  want('refuses another hard link', 'echo x >f; echo y >g; ln g p', { state: 'hard', src: '{dir}/f' }),
  want('replaces another hard link', 'echo x >f; echo y >g; ln g p', {
    state: 'hard',
    src: '{dir}/f',
    force: true,
  }),
  want('refuses a file in the way of a hard link', 'echo x >f; echo y >p', { state: 'hard', src: '{dir}/f' }),
  want('replaces a file by a hard link', 'echo x >f; echo y >p', {
    state: 'hard',
    src: '{dir}/f',
    force: true,
  }),
  want('refuses a missing source', '', { state: 'hard', src: '{dir}/f' }),
  want('links into a directory', 'echo x >f; mkdir p', { state: 'hard', src: '{dir}/f' }),
];

const FIELDS = ['msg', 'path', 'dest', 'src', 'state', 'mode', 'owner', 'group', 'uid', 'gid'];

describe('file', () => {
  itAgreesWithAnsible(file, { via: 'module', fields: FIELDS }, CASES);
  itPredictsTheRun(file, CASES);

  it('tells a change to come for an owner to come', () =>
    withTemporaryDirectory(async dir => {
      const result = await runModule(file, { path: dir, owner: 'no-such-user' }, { checkMode: true });
      expect(result).to.deep.include({
        changed: true,
        warnings: ['failed to look up user no-such-user. Create user up to this point in real play'],
      });
    }));

  it('shows what changes', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'new');
      const result = await runModule(file, { path, state: 'directory' }, { checkMode: true });
      expect(result.diff).to.deep.equal([
        {
          before: `{\n    "path": "${path}",\n    "state": "absent"\n}\n`,
          after: `{\n    "path": "${path}",\n    "state": "directory"\n}\n`,
        },
      ]);
      const gone = await runModule(file, { path: dir, state: 'absent' }, { checkMode: true, diffMode: true });
      expect(JSON.stringify(gone.diff)).to.include('absent');
    }));

  for (const shell of ['bash', 'busybox'] as const) {
    it(`works under ${shell}`, () =>
      withTemporaryDirectory(async dir => {
        execFileSync('sh', ['-ec', TREE], { cwd: dir });
        const path = join(dir, 'd');
        const args = { path, state: 'directory', recurse: true, mode: 'u=rwX,go=', owner: 'daemon' };
        expect(await runModule(file, args, { shell })).to.include({ changed: true });
        expect(await runModule(file, args, { shell })).to.include({ changed: false });
        expect(statSync(join(path, 'e/g')).mode & 0o7777).to.equal(0o700);
        const link = { path: join(dir, 'l'), src: 'd', state: 'link' };
        expect(await runModule(file, link, { shell })).to.include({ changed: true, state: 'link' });
        expect(await runModule(file, link, { shell })).to.include({ changed: false });
        const deep = { path: join(dir, 'x/y z'), state: 'directory', mode: '0711' };
        expect(await runModule(file, deep, { shell })).to.include({ changed: true, mode: '0711' });
        const time = { path, modification_time: '202401020304.05' };
        expect(await runModule(file, time, { shell })).to.include({ changed: true });
        expect(await runModule(file, time, { shell })).to.include({ changed: false });
        expect(await runModule(file, { path, state: 'absent' }, { shell })).to.include({ changed: true });
      }));
  }

  it('reads times', () => {
    const moment = wantedTime('20240102', '%Y%m%d', 'now');
    expect(moment).to.deep.equal({ text: '202401020000.00', clock: '2024-01-02 00:00:00' });
    const printed = '2024-01-02 00:00:00.000000000 +0100|2024-01-02 00:00:00.000000001 +0100';
    expect(timeChanges({ access: moment, modification: moment }, printed)).to.deep.equal({
      access: 'preserve',
      modification: moment,
    });
    expect(() => wantedTime('x', '%Q', 'now')).to.throw('%Q is not known here');
  });
});
