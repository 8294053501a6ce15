import { expect } from 'chai';
import { finishedArguments } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { acl, aclEntry } from './acl.ts';

describe('acl', () => {
  const entry = (raw: Record<string, Json>) =>
    aclEntry(finishedArguments(acl, { path: '/x', ...raw }) as never);
  it('reads entries in all their forms', () => {
    expect(entry({ state: 'present', entry: 'u:joe:rw' })).to.deep.equal({
      entry: 'user:joe:rw',
      isDefault: false,
    });
    expect(entry({ state: 'present', entry: 'default:group:x:r' })).to.deep.equal({
      entry: 'group:x:r',
      isDefault: true,
    });
    expect(entry({ state: 'absent', etype: 'user', entity: 'joe' })).to.deep.equal({
      entry: 'user:joe',
      isDefault: false,
    });
    expect(() => entry({ state: 'present', etype: 'user' })).to.throw("'permissions' is required");
    expect(() => entry({ state: 'absent', entry: 'u:joe:rw' })).to.throw('2 or 3 sections');
  });
});
