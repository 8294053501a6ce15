import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
} from '../../../test/support/run-module.ts';
import type { ActionModule, Result } from '../kit/define.ts';
import { packageFacts } from './package_facts.ts';

describe('package_facts', () => {
  it('lists the packages of this machine', async function () {
    onlyWithPrograms(this, 'dpkg-query');
    const { ansible_facts: facts } = await runModule(packageFacts, {}, { checkMode: true });
    const { packages } = facts as unknown as {
      packages: Record<string, { version: string; source: string }[]>;
    };
    expect(packages.bash?.[0]).to.include({ source: 'apt' });
    expect(Object.keys(packages).length).to.be.greaterThan(50);
  });
  it('refuses a manager nobody knows', async () => {
    expect((await runModule(packageFacts, { manager: 'brew' })).msg).to.equal(
      'Unsupported package managers requested: brew',
    );
  });
  it('reads rpm', () => {
    const steps = (packageFacts as ActionModule).run(
      finishedArguments(packageFacts, {}) as never,
      testContext(),
    );
    const { value } = replaySteps(steps, [
      { stdout: recordsText({ rpm: 'bash\t5.1.8\t6.el9\t(none)\tx86_64\nbind\t9.16\t1.el9\t32\tx86_64\n' }) },
    ]);
    expect((value as Result).ansible_facts?.packages).to.deep.equal({
      bash: [
        { name: 'bash', version: '5.1.8', release: '6.el9', epoch: null, arch: 'x86_64', source: 'rpm' },
      ],
      bind: [{ name: 'bind', version: '9.16', release: '1.el9', epoch: 32, arch: 'x86_64', source: 'rpm' }],
    });
  });
});
