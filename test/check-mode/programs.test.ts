import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findModule } from '../../lib/engine/module-list.ts';
import type { Json } from '../../lib/source/value.ts';
import { onlyAsRoot } from '../support/requirements.ts';
import { runModule, withTemporaryDirectory } from '../support/run-module.ts';

type Step = readonly [module: string, args: Record<string, Json>, first: string, again: string];

/** Programs that a first and a second run start: each costs a millisecond or two on the host. */
const STEPS: readonly Step[] = [
  ['copy', { dest: '{dir}/a', content: 'x', mode: '0644' }, 'stat mv', 'stat sha1sum'],
  [
    'copy',
    { dest: '{dir}/b', content: 'x', mode: '0644', owner: 'root', group: 'root' },
    'stat mv',
    'stat sha1sum',
  ],
  ['copy', { dest: '{dir}/c', content: 'x', mode: '0600', owner: 'daemon' }, 'chown stat mv', 'stat sha1sum'],
  // Files are looked at again before they are replaced, and a link after it was made: others may write there too.
  ['lineinfile', { path: '{dir}/a', line: 'y' }, 'stat cat stat sha1sum mv', 'stat cat'],
  ['file', { path: '{dir}/d', state: 'directory', mode: '0750' }, 'mkdir stat', 'stat'],
  ['file', { path: '{dir}/e', state: 'directory', owner: 'root', mode: '0755' }, 'mkdir stat', 'stat'],
  ['file', { path: '{dir}/l', state: 'link', src: 'a' }, 'stat ln stat stat', 'readlink stat stat'],
  ['file', { path: '{dir}/none', state: 'absent' }, '', ''],
  ['stat', { path: '{dir}/a' }, 'stat sha1sum', 'stat sha1sum'],
  ['stat', { path: '{dir}/none' }, '', ''],
  ['command', { cmd: 'true' }, '', ''],
];

const COUNTED =
  'stat sha1sum cat mv chmod chown mkdir rm cp date readlink id getent grep df ln find touch mktemp head'.split(
    ' ',
  );

describe('programs that modules start on the host', () => {
  it('are as few as they can be', function () {
    onlyAsRoot(this, 'gives files away');
    return withTemporaryDirectory(async root => {
      const [bin, dir, log] = ['bin', 'dir', 'log'].map(name => join(root, name)) as [string, string, string];
      for (const path of [bin, dir]) mkdirSync(path);
      for (const name of COUNTED) {
        writeFileSync(
          join(bin, name),
          `#!/bin/sh\necho ${name} >>${log}\nPATH=/usr/bin:/bin exec ${name} "$@"\n`,
        );
        chmodSync(join(bin, name), 0o755);
      }
      for (const [name, args, ...expected] of STEPS) {
        for (const programs of expected) {
          rmSync(log, { force: true });
          const here = JSON.parse(JSON.stringify(args).replaceAll('{dir}', dir)) as Record<string, Json>;
          const result = await runModule(findModule(name)!, here, { env: { PATH: `${bin}:/usr/bin:/bin` } });
          expect(result.failed, String(result.msg)).to.equal(undefined);
          const started = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').join(' ') : '';
          expect(started, `${name} ${JSON.stringify(args)}`).to.equal(programs);
        }
      }
      expect(readdirSync(dir).sort()).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'l']);
    });
  });
});
