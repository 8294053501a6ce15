import { expect } from 'chai';
import { type InitFound, type InitRequest, planInit } from './init-script.ts';

describe('init scripts: what to do', () => {
  const plain: InitRequest = {
    name: 'web',
    state: undefined,
    enabled: undefined,
    runlevel: 'default',
    arguments: '',
    pattern: undefined,
    sleep: undefined,
  };
  const there: InitFound = { manager: 'sysvinit', exists: true, running: false, enabled: false };
  it('starts and enables', () => {
    expect(planInit({ ...plain, state: 'started' }, there)).to.deep.equal(['/etc/init.d/web start']);
    expect(planInit({ ...plain, state: 'started' }, { ...there, running: true })).to.deep.equal([]);
    expect(planInit({ ...plain, enabled: true }, { ...there, manager: 'openrc' })).to.deep.equal([
      'rc-update add web default',
    ]);
  });
  it('restarts with a pause', () => {
    expect(planInit({ ...plain, state: 'restarted', sleep: 2 }, { ...there, running: true })).to.deep.equal([
      '/etc/init.d/web stop',
      'sleep 2',
      '/etc/init.d/web start',
    ]);
  });
  it('fails for a missing one', () => {
    expect(() => planInit(plain, { ...there, exists: false })).to.throw(
      'Could not find the requested service web: host',
    );
  });
});
