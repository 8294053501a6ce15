import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { trial } from '../../test/support/run-playbook.ts';
import { A, Type } from '../modules/kit/arguments.ts';
import { defineAction } from '../modules/kit/define.ts';
import { findModule } from './module-list.ts';

/** A module that leaves work for the end of the run. */
const leaving = defineAction({
  name: 'leave',
  summary: 'Writes a file at the end of the run.',
  args: Type.Object({ file: A.path('The file.') }),
  *run({ file }) {
    yield { kind: 'at-end', script: `echo done >>${file}` };
    return { changed: false };
  },
});

describe('work left for the end of the run', () => {
  it('is done after the last task, also when one has failed', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-end-'));
    try {
      const file = join(dir, 'end');
      const run = await trial(
        `- hosts: all
  gather_facts: false
  tasks:
    - {name: a, leave: {file: ${file}}}
    - {name: b, command: test ! -e ${file}}
    - {name: c, command: "false"}
`,
        {
          hosts: 'h1\n',
          findModule: name => (name === 'leave' ? leaving : findModule(name)),
        },
      );
      expect(run.lines).to.deep.equal(['a h1 ok', 'b h1 changed', 'c h1 failed']);
      expect(readFileSync(file, 'utf8')).to.equal('done\n');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
