import { expect } from 'chai';
import { planAndScript, planFor, recordsText } from '../../../test/support/run-module.ts';
import { group } from './group.ts';

const there = recordsText({ entry: 'staff:x:50:\n', manageable: '' });

describe('group', () => {
  it('adds, numbers anew and removes', () => {
    const add = planAndScript(group, { name: 'db', gid: 70, system: true }, recordsText({ manageable: '' }));
    expect(add.plan.changes).to.deep.equal(['add group db']);
    expect(add.script).to.include('groupadd -g 70 -r db');
    const number = planAndScript(group, { name: 'staff', gid: 51 }, there);
    expect(number.plan.changes).to.deep.equal(['group staff: number 50 → 51']);
    expect(number.script).to.include('groupmod -g 51 staff');
    const remove = planAndScript(group, { name: 'staff', state: 'absent', force: true }, there);
    expect(remove.script).to.include('groupdel -f staff');
  });

  it('leaves alone what is as wanted', () => {
    expect(planFor(group, { name: 'staff', gid: 50 }, there).changes).to.deep.equal([]);
    expect(
      planFor(group, { name: 'db', state: 'absent' }, recordsText({ manageable: '' })).changes,
    ).to.deep.equal([]);
  });

  it('says what a host without groupadd lacks, where there is something to do', () => {
    expect(() => planFor(group, { name: 'db' }, '')).to.throw('install the package');
    expect(planFor(group, { name: 'staff' }, recordsText({ entry: 'staff:x:50:\n' })).changes).to.deep.equal(
      [],
    );
  });
});
