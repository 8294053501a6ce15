import { expect } from 'chai';
import type { ModuleContext, StateModule } from '../../modules/kit/define.ts';
import { polardbRestart } from './polardb_restart.ts';

type Setting = readonly [name: string, now: string, next: string];

const diff = (lowered: 'wait' | 'restart', ...settings: readonly Setting[]) => {
  const found = {
    running: true,
    settings: settings.map(([name, now, next]) => ({ name, now, next })),
    refused: [],
    otherProgram: false,
    newRecovery: false,
  };
  return (polardbRestart as StateModule).diff(found, { lowered, force: false }, {} as ModuleContext);
};

describe('polardb_restart on a replica, before the primary', () => {
  it('restarts for what is raised', () => {
    expect(diff('wait', ['max_connections', '100', '200']).changes).to.have.lengthOf(1);
  });

  it('waits with what is lowered', () => {
    expect(diff('wait', ['max_connections', '200', '100']).changes).to.deep.equal([]);
  });

  it('refuses both at once: whatever it did, replay would stop or the server would not start', () => {
    const both = () =>
      diff('wait', ['max_connections', '200', '100'], ['max_locks_per_transaction', '64', '128']);
    expect(both).to.throw(
      /max_locks_per_transaction is raised and max_connections lowered at once: nothing was restarted/,
    );
  });

  it('minds neither on the primary', () => {
    const { changes } = diff(
      'restart',
      ['max_connections', '200', '100'],
      ['max_locks_per_transaction', '64', '128'],
    );
    expect(changes).to.have.lengthOf(2);
  });
});
