import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { unarchive } from './unarchive.ts';

const TREE = `mkdir -p t/x/y; echo one >t/x/one; echo two >"t/x/y/two words"; chmod 750 t/x/one; ln -s one t/x/link
find t -exec touch -h -d 2024-01-02 {} +; mkdir d`;

const pack = (
  name: string,
  make: string,
  args: Record<string, Json> = {},
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup: `${TREE}; ${make}`,
  args: { src: '{dir}/a', dest: '{dir}/d', ...args },
  ...more,
});

const TAR = 'tar -C t -czf a x';

const TARS: readonly OracleCase[] = [
  pack('gzip', TAR),
  pack('no compression', 'tar -C t -cf a x'),
  pack('bzip2', 'tar -C t -cjf a x'),
  pack('xz', 'tar -C t -cJf a x'),
  pack('zstd', 'tar -C t --zstd -cf a x'),
  pack('of the host', TAR, { remote_src: true }),
  pack('over what is there', `${TAR}; tar -C d -xf a`),
  pack('over what is older', `${TAR}; tar -C d -xf a; echo changed >d/x/one`),
  pack(
    'not over what is newer',
    `${TAR}; tar -C d -xf a; echo changed >d/x/one`,
    { keep_newer: true },
    { repeats: true },
  ),
  pack('with owner and mode', TAR, { owner: 'daemon', group: 'daemon', mode: 'u=rwX,go=rX' }),
  pack('with a mode, over what is there', `${TAR}; tar -C d -xf a`, { mode: 'go-rwx' }),
  pack('without a level', TAR, { extra_opts: ['--strip-components=1'] }),
  pack('without some', TAR, { exclude: ['x/y'] }),
  pack('only some', TAR, { include: ['x/one'] }),
  pack('with the list', TAR, { list_files: true }),
  pack('not when created', TAR, { creates: '{dir}/d' }),
  pack('to no directory', TAR, { dest: '{dir}/none' }),
  pack('what is not an archive', 'echo text >a', {}, { except: ['msg', 'dest'], unpredictable: true }),
  pack('what is empty', ': >a', {}, { except: ['msg'] }),
  pack('what is not there', '', { remote_src: true }),
];

const ZIP = '(cd t && zip -Xqry ../a.zip x && mv ../a.zip ../a)';

const ZIPS: readonly OracleCase[] = [
  pack('zip', ZIP),
  pack('zip of the host', ZIP, { remote_src: true }),
  pack('zip over what is there', `${ZIP}; (cd d && unzip -q ../a)`),
  pack('zip over what has changed', `${ZIP}; (cd d && unzip -q ../a; echo changed >x/one)`),
  pack('zip with owner and mode', ZIP, { owner: 'daemon', mode: 'u=rwX,go=rX' }),
  pack('zip without some', ZIP, { exclude: ['x/y/*'] }),
];

describe('unarchive', () => {
  const fields = ['dest', 'msg', 'files', 'skipped'];
  const table = { via: 'action', fields, needs: ['zip', 'unzip', 'xz', 'bzip2', 'zstd'] } as const;
  itAgreesWithAnsible(unarchive, table, [...TARS, ...ZIPS]);
  itPredictsTheRun(unarchive, [...TARS, ...ZIPS]);

  it('says what is missing on the host', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', `${TREE}; ${ZIP}; tar -C t -cJf b x`], { cwd: dir });
      const bin = join(dir, 'bin');
      mkdirSync(bin);
      for (const name of readdirSync('/usr/bin'))
        if (!['unzip', 'xz'].includes(name)) symlinkSync(`/usr/bin/${name}`, join(bin, name));
      const options = { env: { PATH: bin } };
      const dest = join(dir, 'd');
      const zip = await runModule(unarchive, { src: join(dir, 'a'), dest }, options);
      expect(zip.msg).to.match(/^Unable to find required unzip/);
      const xz = await runModule(unarchive, { src: join(dir, 'b'), dest }, options);
      expect(xz.msg).to.match(/needs xz on the host$/);
    }));

  it('unpacks with busybox', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', `${TREE}; ${TAR}`], { cwd: dir });
      const args = { src: join(dir, 'a'), dest: join(dir, 'd') };
      const first = await runModule(unarchive, args, { shell: 'busybox' });
      expect(first, String(first.msg)).to.include({ changed: true });
      expect(readFileSync(join(dir, 'd/x/y/two words'), 'utf8')).to.equal('two\n');
      expect(await runModule(unarchive, args, { shell: 'busybox' })).to.include({ changed: false });
    }));

  it('leaves nothing in /tmp', () => {
    const left = spawnSync(
      'sh',
      ['-c', 'ls -d /tmp/polarplay-*[0-9a-f] 2>/dev/null | grep -vE "test|script"'],
      { encoding: 'utf8' },
    );
    expect(
      left.stdout.split('\n').filter(name => /polarplay-([0-9a-f]{12}|unzip.*)$/.test(name)),
    ).to.deep.equal([]);
  });
});
