import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type OracleCase, runCase, type Verdict } from './harness.ts';
import { Recordings } from './recorded.ts';

const ROOT = join(import.meta.dirname, '../../..');
const POLARPLAY = join(ROOT, 'dist/polarplay.js');
const CASES = join(import.meta.dirname, 'cases');
const HAS_ANSIBLE = existsSync('/usr/bin/ansible-playbook');

/** `live`: Ansible runs in every case; `record`: where no recording is up to date, and the recordings are written. */
const MODE = process.env['ORACLE'];
/** Otherwise every so manieth case shows that the recordings are still what Ansible says. */
const SPOT_CHECK = 12;

const isSpotCheck = (index: number) => MODE === 'live' || (!MODE && index % SPOT_CHECK === 0);

/** Exit code, task states, what was said, the recap and the files left behind are the same as Ansible's. */
describe('playbooks run by Ansible and by polarplay', () => {
  before(function () {
    this.timeout(120_000);
    if (!HAS_ANSIBLE) console.log('    ansible-core is not installed: compared with recordings only');
    execFileSync(process.execPath, ['build.mjs'], { cwd: ROOT });
  });

  for (const file of readdirSync(CASES).sort()) {
    const name = file.replace('.yml', '');
    describe(name, () => {
      const cases = parse(readFileSync(join(CASES, file), 'utf8')) as OracleCase[];
      const recordings = new Recordings(name);

      for (const [index, test] of cases.entries()) {
        it(test.name, async function () {
          this.timeout(120_000);
          let theirs = recordings.get(test);
          if (theirs === undefined || isSpotCheck(index)) {
            if (!HAS_ANSIBLE) this.skip();
            theirs = await runCase(test, 'ansible', POLARPLAY);
            recordings.set(test, theirs);
          }
          const ours = await runCase(test, 'polarplay', POLARPLAY);
          expect(comparable(ours, theirs)).to.deep.equal(comparable(theirs, theirs));
        });
      }

      after(() => {
        if (MODE === 'record') recordings.write(cases);
      });
    });
  }
});

/** A run that Ansible gave up says nothing of its tasks: only the exit code and the files are left. */
function comparable(verdict: Verdict, theirs: Verdict): Partial<Verdict> {
  const gaveUp = theirs.tasks.length === 0 && Object.keys(theirs.stats).length === 0;
  return gaveUp ? { exitCode: verdict.exitCode, files: verdict.files } : verdict;
}
