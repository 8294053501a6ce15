import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import { BUDGETS } from './budgets.ts';
import { FAULTS } from './catalogue.ts';
import { chooseFaults, listText } from './choose.ts';
import { PARTS } from './fault.ts';
import { PRELUDE } from './prelude.ts';

const deployment = sampleDeployment('hosts');
const standIn = sampleDeployment('standin');

describe('the faults', () => {
  it('have ids of their own, and a budget each; no budget is without its fault', () => {
    const ids: readonly string[] = FAULTS.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(Object.keys(BUDGETS).sort()).to.deep.equal([...ids].sort());
    for (const id of ids) expect(Object.keys(PARTS)).to.contain(id.split('.')[0]);
  });

  it('are healed by somebody: what is held for a while has a heal on every host', () => {
    for (const fault of FAULTS)
      for (const { heals, host } of fault.steps(deployment))
        expect(heals !== undefined, `${fault.id} on ${host}`).to.equal(fault.holdS > 0);
  });

  it('say why they do not concern a cluster', () => {
    for (const fault of FAULTS) expect(fault.skip?.(deployment), fault.id).to.equal(undefined);
    const skipped = FAULTS.filter(fault => fault.skip?.(standIn) !== undefined).map(({ id }) => id);
    expect(skipped.every(id => id.includes('pfs'))).to.equal(true);
    const alone = { ...deployment, replicas: [] };
    for (const fault of FAULTS.filter(({ id }) => id.startsWith('replica.')))
      expect(fault.skip?.(alone)).to.equal('this cluster has no replica');
  });

  it('expect commits to go on only where the policy lets them', () => {
    const replicaKilled = FAULTS.find(({ id }) => id === 'replica.killed')!;
    const [one] = deployment.replicas;
    const goesOn = (sync: typeof deployment.sync, replicas = deployment.replicas) =>
      replicaKilled.writesGoOn({ ...deployment, sync, replicas });
    expect(goesOn('any1')).to.equal(true);
    expect(goesOn('any1', [one!])).to.equal(false);
    expect(goesOn('first1')).to.equal(true);
    expect(goesOn('all')).to.equal(false);
    expect(goesOn('off', [one!])).to.equal(true);
  });

  it('are written in a shell that shellcheck finds nothing wrong with', function () {
    if (spawnSync('shellcheck', ['--version']).status !== 0) this.skip();
    const scripts = FAULTS.flatMap(fault =>
      fault.steps(deployment).flatMap(step => [step.breaks, step.heals, step.probe]),
    );
    const functions = [...new Set(scripts)].map((script, i) => `fault_${i}() {\n${script}\n}\nfault_${i}\n`);
    // What one script needs and another does not; a list of one address; each runs in a shell of its own.
    const options = ['--exclude=SC2317,SC2034,SC2043', '-'];
    const input = `#!/bin/sh\n${PRELUDE}${functions.join('')}`;
    const found = spawnSync('shellcheck', options, { input, encoding: 'utf8' });
    expect(found.stdout).to.equal('');
  });
});

describe('the choice of faults', () => {
  const all = { only: [], skip: [] };
  const ids = (choice: Parameters<typeof chooseFaults>[1]) =>
    chooseFaults(FAULTS, choice).map(({ id }) => id);

  it('is all of them without a word', () => expect(ids(all)).to.have.length(FAULTS.length));

  it('goes by id, by part, by pattern and by words', () => {
    expect(ids({ ...all, only: ['nbd.hung'] })).to.deep.equal(['nbd.hung']);
    expect(ids({ ...all, only: ['storage'] })).to.deep.equal(['storage.crash', 'storage.reboot']);
    expect(ids({ ...all, only: ['*.killed'], skip: ['nbd'] })).to.deep.equal([
      'primary.killed',
      'replica.killed',
      'runner.killed',
    ]);
    expect(ids({ ...all, grep: 'PFSDAEMON killed primary, nbd-server hangs' })).to.deep.equal([
      'nbd.hung',
      'pfs.pfsd-killed-primary',
    ]);
  });

  it('refuses words that choose nothing, with a near one', () => {
    expect(() => ids({ ...all, only: ['nbd.hang'] })).to.throw('did you mean "nbd.hung"?');
    expect(() => ids({ ...all, grep: 'unheard of' })).to.throw('no fault is chosen');
  });

  it('lists a line each', () => expect(listText(FAULTS).trim().split('\n')).to.have.length(FAULTS.length));
});
