import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Plan } from '../kit/define.ts';
import { bootFiles, modprobe } from './modprobe.ts';

/** What check mode says, given the answer of the host. */
function planFor(raw: Record<string, string>, stdout: string): Plan {
  if (modprobe.kind !== 'state') throw new Error('modprobe has a state');
  const args = finishedArguments(modprobe, raw) as never;
  const found = replaySteps(modprobe.probe(args, testContext()), [{ stdout }]).value;
  return modprobe.diff(found as never, args, testContext());
}

describe('modprobe', () => {
  it('loads what is not loaded, and unloads what is', () => {
    expect(planFor({ name: 'nbd' }, recordsText({ kernel: '6.1' })).changes).to.deep.equal([
      'load kernel module nbd',
    ]);
    expect(planFor({ name: 'nbd' }, recordsText({ kernel: '6.1', loaded: '' })).changes).to.deep.equal([]);
    expect(
      planFor({ name: 'nbd', state: 'absent' }, recordsText({ kernel: '6.1', loaded: '' })).changes,
    ).to.deep.equal(['unload kernel module nbd']);
  });

  it('says that the kernel has no such module, before anything changes', () => {
    const answer = recordsText({
      kernel: '6.18-x',
      refusal: 'modprobe: FATAL: Module nbd not found in directory /lib/modules/6.18-x ',
    });
    expect(() => planFor({ name: 'nbd' }, answer)).to.throw(
      'cannot load kernel module nbd (kernel 6.18-x): modprobe: FATAL: Module nbd not found',
    );
  });

  const args = (more: Record<string, string>) =>
    finishedArguments(modprobe, { name: 'dm-mod', persistent: 'present', ...more }) as never;

  it('keeps it loaded at boot, with its parameters', () => {
    expect([...bootFiles(args({ params: 'a=1 b=2' }), new Map())]).to.deep.equal([
      ['/etc/modprobe.d/dm-mod.conf', 'options dm-mod a=1\noptions dm-mod b=2\n'],
      ['/etc/modules-load.d/dm-mod.conf', 'dm-mod\n'],
    ]);
    const files = new Map([
      ['/etc/modules-load.d/x.conf', '# c\ndm_mod # why\n'],
      ['/etc/modprobe.d/y.conf', 'options dm_mod a=1\n'],
    ]);
    expect([...bootFiles(args({ params: 'a=1' }), files)]).to.deep.equal([]);
    expect([...bootFiles(args({ params: 'a=2' }), files)]).to.deep.equal([
      ['/etc/modprobe.d/y.conf', '#options dm_mod a=1\n'],
      ['/etc/modprobe.d/dm-mod.conf', 'options dm-mod a=2\n'],
    ]);
    expect([...bootFiles(args({ persistent: 'absent' }), files)]).to.deep.equal([
      ['/etc/modprobe.d/y.conf', '#options dm_mod a=1\n'],
      ['/etc/modules-load.d/x.conf', '# c\n#dm_mod # why\n'],
    ]);
    expect([...bootFiles(args({ persistent: 'disabled' }), files)]).to.deep.equal([]);
  });
});
