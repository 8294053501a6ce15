import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { familyOf, ruleOf } from '../../lib/lint/catalogue.ts';
import { lintText } from '../../lib/lint/lint-text.ts';
import { CASES } from './cases.ts';

const FILE = join(import.meta.dirname, 'ansible-lint.json');

interface Recorded {
  readonly version: string;
  /** `LINE RULE` of each finding, by case. */
  readonly findings: Readonly<Record<string, readonly string[]>>;
}

/** Where we say something else, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'block without name': 'a block only holds tasks together; its name is shown nowhere',
  'key order play': 'newer releases say so too: key-order[play]',
  'shell with home': '"~" is for the shell: command would hand it over as it is',
  'package latest only upgrade': 'only_upgrade installs nothing, as update_only does',
  'no handler list of two': 'two conditions are no handler; newer releases say so too',
  'jinja in when': 'the braces are to go, whatever the spaces in them',
  'bare loop': 'what its schema of playbooks says of it is that the text is no template',
  'run once': 'run_once is well defined with every strategy but free',
  'relative path': 'its page shows the same as wrong, and it does not find it in a playbook',
};

const ours = (text: string): string[] =>
  lintText('/project/site.yml', text, 'playbook', { variables: /^[a-z_][a-z0-9_]*$/ })
    .filter(({ rule }) => !ruleOf(rule).optIn)
    .map(({ at, rule }) => `${at.line} ${rule}`);

/** Where a rule of theirs names a task by its first line, ours names the line concerned. */
const comparable = (findings: readonly string[]): string[] =>
  [...new Set(findings.map(one => (/ yaml\[/.test(one) ? one : familyOf(one.replace(/^\d+ /, '')))))].sort();

describe("ansible-lint's findings", function () {
  if (process.env['ORACLE'] === 'record') {
    this.timeout(1_800_000);
    before(record);
  }
  const read = () => JSON.parse(readFileSync(FILE, 'utf8')) as Recorded;

  it('are recorded for each case', () => {
    expect(Object.keys(read().findings)).to.deep.equal(Object.keys(CASES));
    expect(read().version).to.match(/^\d+\.\d+\.\d+$/);
  });

  for (const [name, text] of Object.entries(CASES))
    it(`are ours: ${name}`, () => {
      const theirs = comparable(read().findings[name] ?? []);
      if (DIFFERENT[name] === undefined) expect(comparable(ours(text))).to.deep.equal(theirs);
      else expect(comparable(ours(text)), 'no difference any more').not.to.deep.equal(theirs);
    });
});

/** Asks Debian's ansible-lint; it takes some minutes. */
function record(): void {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-lint-oracle-'));
  const names = Object.keys(CASES);
  try {
    for (const [i, name] of names.entries()) writeFileSync(join(dir, `c${i}.yml`), CASES[name]!);
    const version = spawnSync('ansible-lint', ['--version', '--nocolor'], { encoding: 'utf8' }).stdout;
    const flags = ['--offline', '--nocolor', '-q', '-f', 'pep8', '--strict'];
    const { stdout } = spawnSync('ansible-lint', [...flags, ...names.map((_, i) => `c${i}.yml`)], {
      cwd: dir,
      encoding: 'utf8',
    });
    const found = [...stdout.matchAll(/^c(\d+)\.yml:(\d+)(?::\d+)?: ([\w-]+(?:\[[\w-]+\])?)/gm)];
    const findings = Object.fromEntries(
      names.map((name, i) => [
        name,
        found.filter(([, at]) => Number(at) === i).map(([, , line, rule]) => `${line} ${rule}`),
      ]),
    );
    const recorded: Recorded = { version: /\d+\.\d+\.\d+/.exec(version)![0], findings };
    writeFileSync(FILE, `${JSON.stringify(recorded, null, 1)}\n`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
