import { expect } from 'chai';
import { Hosts } from '../lib/cluster/hosts.ts';
import type { Connection } from '../lib/transport/index.ts';
import { unitStates } from './units.ts';

describe('verify: units', () => {
  const asked: string[] = [];
  const saying = (stdout: string) => {
    const run = async ({ script }: { script: string }) => {
      asked.push(script);
      return { rc: 0, stdout: Buffer.from(stdout), stderr: Buffer.alloc(0), timedOut: false, aborted: false };
    };
    return new Hosts(
      () => ({ run }) as unknown as Connection,
      () => undefined,
    );
  };
  const RUNNING = 'NRestarts=2\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n';
  const FAILED = 'NRestarts=0\nLoadState=loaded\nActiveState=failed\nUnitFileState=disabled\n';
  const UNKNOWN = 'NRestarts=0\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n';

  it('are asked for in one question, and told apart by their order', async () => {
    const states = await unitStates(saying(`${RUNNING}\n${FAILED}`), 'h', ['a.service', 'b@x.service']);
    expect([...states]).to.deep.equal([
      ['a.service', { active: 'active', enabled: 'enabled', restarts: 2 }],
      ['b@x.service', { active: 'failed', enabled: 'disabled', restarts: 0 }],
    ]);
    expect(asked).to.have.length(1);
    expect(asked[0]).to.match(/ -- a\.service b@x\.service$/);
  });

  for (const [what, answer, message] of [
    ['a unit that systemd does not know', `${RUNNING}\n${UNKNOWN}`, 'there is no unit b.service'],
    ['an answer that leaves one out', RUNNING, 'systemctl tells of 1 units, asked for 2'],
  ] as const) {
    it(`fails on ${what}`, async () => {
      const error = await unitStates(saying(answer), 'h', ['a.service', 'b.service']).catch((e: Error) => e);
      expect((error as Error).message).to.equal(message);
    });
  }
});
