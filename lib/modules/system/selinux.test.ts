import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { selinux } from './selinux.ts';

describe('selinux', () => {
  function plan(raw: Record<string, Json>, mode: string | undefined, text: string | undefined) {
    if (selinux.kind !== 'state') throw new Error('selinux has a state');
    const args = finishedArguments(selinux, raw) as never;
    const stat = '81a4|0|0|1|1|1|1|1|1|1|root|root';
    const stdout = recordsText({
      ...(mode !== undefined && { mode }),
      ...{ path: '/etc/selinux/config', umask: '0022\n', parent: 'writable' },
      ...(text !== undefined && { stat, readable: '', own: '', content: text }),
    });
    return selinux.diff(
      replaySteps(selinux.probe(args, testContext()), [{ stdout }]).value as never,
      args,
      testContext(),
    );
  }
  const CONFIG = '# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n';
  it('changes mode and configuration', () => {
    expect(plan({ state: 'enforcing', policy: 'targeted' }, '1', CONFIG).changes).to.deep.equal([]);
    const permissive = plan({ state: 'permissive', policy: 'targeted' }, '1', CONFIG);
    expect(permissive.changes).to.have.length(2);
    expect(permissive.diff?.[0]?.after).to.equal('# c\nSELINUX=permissive\nSELINUXTYPE=targeted\n');
    expect(plan({ state: 'disabled' }, '0', CONFIG).result).to.include({ reboot_required: true });
    expect(
      plan({ state: 'disabled' }, undefined, CONFIG.replace('enforcing', 'disabled')).changes,
    ).to.deep.equal([]);
  });
  it('refuses what cannot be', () => {
    expect(() => plan({ state: 'enforcing' }, '1', CONFIG)).to.throw('Policy is required');
    expect(() => plan({ state: 'disabled' }, undefined, undefined)).to.throw(
      'Unable to find file /etc/selinux/config',
    );
  });
});
