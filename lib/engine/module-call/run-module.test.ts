import { expect } from 'chai';
import { trial } from '../../../test/support/run-playbook.ts';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState } from '../../modules/kit/define.ts';
import { findModule } from '../module-list.ts';

/** Runs a loop of 100 items that all touch one thing; the items from `first` on change it. */
async function loopOver(first: number): Promise<{ readonly looks: number; readonly writes: number }> {
  const count = { looks: 0, writes: 0 };
  const shared = defineState({
    name: 'shared',
    summary: 'Touches one thing.',
    args: Type.Object({ n: A.int('Item.') }),
    touches: () => ['/shared'],
    *probe({ n }) {
      count.looks++;
      return n > first;
    },
    diff: differs => ({ changes: differs ? ['it'] : [] }),
    *apply() {
      count.writes++;
      return {};
    },
  });
  const { summary } = await trial(
    '- {hosts: h1, gather_facts: false, tasks: [{shared: {n: "{{ item }}"}, loop: "{{ range(1, 101) }}"}]}\n',
    { hosts: 'h1\n', findModule: name => (name === 'shared' ? shared : findModule(name)) },
  );
  expect(summary.exitCode).to.equal(0);
  return count;
}

describe('items of a loop that touch one thing', () => {
  it('are looked at again only after a write before them, so that work grows with the items', async () => {
    expect(await loopOver(100)).to.deep.equal({ looks: 100, writes: 0 });
    const all = await loopOver(0);
    expect(all.writes).to.equal(100);
    expect(all.looks + all.writes).to.be.at.most(300);
    const last = await loopOver(99);
    expect(last).to.deep.equal({ looks: 100, writes: 1 });
  });
});
