import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../lib/source/package-root.ts';
import { sampleDeployment } from '../test/support/verify/sample-deployment.ts';
import { CHECKS } from './checks/index.ts';
import { checksPage } from './checks-page.ts';

describe('verify: docs/checks.md', () => {
  it('is what the checks say of themselves', () => {
    const written = readFileSync(join(PACKAGE_ROOT, 'docs', 'checks.md'), 'utf8');
    expect(written === checksPage(CHECKS, sampleDeployment('hosts')), 'run `npm run docs`').to.equal(true);
    for (const { id } of CHECKS) expect(written).to.contain(`### ${id}\n`);
  });
});
