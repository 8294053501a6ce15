import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  casesWith,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { fetch } from './fetch.ts';
import { slurp } from './slurp.ts';
import { tempfile } from './tempfile.ts';

const get = casesWith({ src: '{dir}/f', dest: '{dir}/to' });

const CASES: readonly OracleCase[] = [
  get('by host and path', 'echo x >f', { src: '/etc/hostname' }),
  get('to a file', 'echo x >f', { flat: true }),
  get('to a directory', 'echo x >f; mkdir to', { dest: '{dir}/to/', flat: true }),
  get('to a new directory', 'echo x >f', { dest: '{dir}/to/', flat: true }),
  get('to a directory without slash', 'echo x >f; mkdir to', { flat: true }),
  get('over another file', 'echo x >f; echo y >to', { flat: true }),
  get('over the same file', 'echo x >f; echo x >to', { flat: true }),
  get('through a link', 'echo x >g; ln -s g f', { flat: true }),
  get('nothing', '', { flat: true }, { except: ['msg', 'file'] }),
  get('nothing, which may be', '', { flat: true, fail_on_missing: false }, { except: ['file'] }),
  get('a directory', 'mkdir f', { flat: true }, { except: ['file'] }),
  get('a directory, which may be', 'mkdir f', { flat: true, fail_on_missing: false }, { except: ['file'] }),
];

describe('fetch', () => {
  itAgreesWithAnsible(
    fetch,
    {
      via: 'action',
      fields: ['msg', 'dest', 'file', 'checksum', 'md5sum', 'remote_checksum'],
      otherModes: true,
    },
    CASES,
  );
  itPredictsTheRun(fetch, CASES);

  it('leaves its directory for no path', async () => {
    const result = await runModule(fetch, { src: '/etc/../../../etc/hostname', dest: '/tmp/a' });
    expect(result.msg).to.match(/^Detected directory traversal/);
  });
});

describe('slurp', () => {
  const read = (name: string, setup: string): OracleCase => ({ name, setup, args: { src: '{dir}/f' } });
  itAgreesWithAnsible(slurp, { via: 'module', fields: ['content', 'encoding', 'source', 'msg'] }, [
    read('a text', 'printf "a\\n\\n" >f'),
    read('bytes', 'printf "\\0\\377\\n" >f'),
    read('nothing', ': >f'),
    read('no file', ':'),
    read('a directory', 'mkdir f'),
  ]);
});

describe('tempfile', () => {
  it('makes files and directories that others cannot read', () =>
    withTemporaryDirectory(async dir => {
      const file = await runModule(tempfile, { path: dir, suffix: ' x' });
      expect(file.path).to.match(/\/ansible\.[0-9a-f]{12} x$/);
      expect(readFileSync(file.path as string, 'utf8')).to.equal('');
      const directory = await runModule(tempfile, { path: dir, state: 'directory', prefix: 'p' });
      writeFileSync(join(directory.path as string, 'x'), '');
      expect(await runModule(tempfile, { path: join(dir, 'none') })).to.include({ failed: true });
      expect(await runModule(tempfile, { path: dir }, { checkMode: true })).to.include({ skipped: true });
    }));
});
