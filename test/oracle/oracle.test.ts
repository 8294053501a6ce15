import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type OracleCase, runCase, type Verdict } from './harness.ts';
import { Recordings } from './recorded.ts';

const ROOT = join(import.meta.dirname, '../..');
const POLARPLAY = join(ROOT, 'dist/polarplay.js');
const CASES = join(import.meta.dirname, 'cases');

/** `live`: Ansible runs in every case; `record`: where no recording is up to date, and the recordings are written. */
const MODE = process.env['ORACLE'];
/** Otherwise every so manieth case shows that the recordings are still what Ansible says. */
const SPOT_CHECK = 12;
/** The recordings are of this one; others differ in details. */
const RECORDED_VERSION = '2.14';
const WHY_NOT_LIVE = ansibleIsMissing();

/** Exit code, task states, what was said, the recap and the files left behind are the same as Ansible's. */
describe('playbooks run by Ansible and by polarplay', () => {
  before(() => {
    if (WHY_NOT_LIVE !== undefined) console.log(`    only compared with recordings: ${WHY_NOT_LIVE}`);
  });

  for (const file of readdirSync(CASES).sort()) {
    const name = file.replace('.yml', '');
    describe(name, () => {
      const cases = parse(readFileSync(join(CASES, file), 'utf8')) as OracleCase[];
      const recordings = new Recordings(name);

      for (const [index, test] of cases.entries()) {
        it(test.name, async function () {
          this.timeout(300_000);
          let theirs = recordings.get(test);
          if (theirs === undefined || runsLive(test, index)) {
            if (WHY_NOT_LIVE !== undefined) this.skip();
            theirs = await runCase(test, 'ansible', POLARPLAY);
            recordings.set(test, theirs);
          }
          const ours = await runCase(test, 'polarplay', POLARPLAY);
          expect(comparable(ours, theirs)).to.deep.equal(comparable(theirs, theirs));
        });
      }

      after(() => {
        if (MODE === 'record') recordings.write(cases.filter(test => !test.live));
      });
    });
  }
});

function runsLive(test: OracleCase, index: number): boolean {
  if (MODE === 'live' || test.live) return true;
  return MODE === undefined && index % SPOT_CHECK === 0 && WHY_NOT_LIVE === undefined;
}

/** Why Ansible cannot be asked; undefined when it can. */
function ansibleIsMissing(): string | undefined {
  const release = '/usr/lib/python3/dist-packages/ansible/release.py';
  if (!existsSync('/usr/bin/ansible-playbook') || !existsSync(release))
    return 'ansible-core is not installed';
  // It has the callback that writes JSON.
  if (!existsSync('/usr/lib/python3/dist-packages/ansible_collections'))
    return "Debian's package ansible is not installed";
  const version = /__version__ = '([^']+)'/.exec(readFileSync(release, 'utf8'))?.[1] ?? 'unknown';
  if (MODE !== undefined || version.startsWith(`${RECORDED_VERSION}.`)) return undefined;
  return `ansible-core is ${version}, the recordings are of ${RECORDED_VERSION}`;
}

/** A run that Ansible gave up says nothing of its tasks: only the exit code and the files are left. */
function comparable(verdict: Verdict, theirs: Verdict): Partial<Verdict> {
  const gaveUp = theirs.tasks.length === 0 && Object.keys(theirs.stats).length === 0;
  return gaveUp ? { exitCode: verdict.exitCode, files: verdict.files } : verdict;
}
