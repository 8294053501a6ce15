import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type OracleCase, runCase, type Verdict } from './harness.ts';

const ROOT = join(import.meta.dirname, '../../..');
const POLARPLAY = join(ROOT, 'dist/polarplay.js');
const CASES = join(import.meta.dirname, 'cases');
const why = existsSync('/usr/bin/ansible-playbook') ? undefined : 'skipped: ansible-core is not installed';

/** Exit code, task states, what was said, the recap and the files left behind are the same as Ansible's. */
describe('playbooks run by Ansible and by polarplay', () => {
  before(function () {
    if (why) {
      console.log(`    ${why}`);
      this.skip();
    }
    execFileSync(process.execPath, ['build.mjs'], { cwd: ROOT });
  });

  for (const file of readdirSync(CASES).sort()) {
    describe(file.replace('.yml', ''), () => {
      for (const test of parse(readFileSync(join(CASES, file), 'utf8')) as OracleCase[]) {
        it(test.name, async function () {
          if (test.differs !== undefined) {
            console.log(`      not compared: ${test.differs}`);
            this.skip();
          }
          const [theirs, ours] = await Promise.all([
            runCase(test, 'ansible', POLARPLAY),
            runCase(test, 'polarplay', POLARPLAY),
          ]);
          expect(comparable(ours)).to.deep.equal(comparable(theirs));
        }).timeout(120_000);
      }
    });
  }
});

/** What may differ is left out: a name rendered or not, and the order of plays that failed before they began. */
const comparable = ({ exitCode, tasks, said, stats, files }: Verdict) => ({
  exitCode,
  tasks,
  said,
  stats,
  files,
});
