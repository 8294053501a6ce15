import { expect } from 'chai';
import {
  finishedArguments,
  prepared,
  recordsText,
  runModule,
  testContext,
} from '../../../test/support/run-module.ts';
import type { ActionModule, Reply, Request, Result, Steps } from '../kit/define.ts';
import { ModuleError } from '../kit/define.ts';
import { waitForConnection } from '../net/wait_for_connection.ts';
import { reboot } from './reboot.ts';

/** Drives a module against a host that is a function: its answer, or the error with which the connection breaks. */
function play(
  steps: Steps<Result>,
  host: (request: Request) => Partial<Reply> | Error,
): Result | ModuleError {
  let next = steps.next();
  const end = Date.now() + 10_000;
  while (!next.done && Date.now() < end) {
    const answer = host(next.value);
    try {
      next = answer instanceof Error ? steps.throw(answer) : steps.next(prepared(answer, next.value));
    } catch (error) {
      if (error instanceof ModuleError) return error;
      throw error;
    }
  }
  if (!next.done) throw new Error('does not end');
  return next.value;
}

const steps = (raw: Record<string, string | number> = {}) =>
  (reboot as ActionModule).run(
    finishedArguments(reboot, raw) as never,
    testContext({ context: { connectionKind: 'ssh' } }),
  );

/** A host that comes back with another boot id after some looks. */
function host(looks: number, more: (script: string) => Partial<Reply> | Error | undefined = () => undefined) {
  let seen = 0;
  let begun = false;
  return (request: Request): Partial<Reply> | Error => {
    if (request.kind !== 'sh') return {};
    const other = more(request.script);
    if (other) return other;
    if (request.script.includes('setsid')) {
      begun = true;
      return { stdout: '/tmp/tmp.x\n' };
    }
    if (request.script.includes('boot_id')) {
      const after = begun && seen++ >= looks;
      const now = `${after ? 'new' : 'old'}\n`;
      return { stdout: begun ? recordsText({ now }) : now };
    }
    return {};
  };
}

describe('reboot', () => {
  it('waits until the host has booted again', () => {
    expect(play(steps(), host(2))).to.deep.include({ changed: true, rebooted: true });
  });

  it('takes a connection that breaks for a host that goes down', () => {
    let breaks = 2;
    const breaking = host(0, script =>
      script.includes('begin said') && breaks-- > 0 ? new Error('connection lost') : undefined,
    );
    expect(play(steps(), breaking)).to.deep.include({ rebooted: true });
    expect(breaks).to.equal(-1);
  });

  it('notices at once that the command was refused', () => {
    const refusing = host(99, script =>
      script.includes('begin said')
        ? { stdout: recordsText({ now: 'old\n', said: 'not permitted\nrc 1\n' }) }
        : undefined,
    );
    const result = play(steps(), refusing);
    expect(result).to.be.instanceOf(ModuleError);
    expect((result as ModuleError).message).to.equal("Reboot command failed. Error was: 'not permitted'");
  });

  it('gives up when the host stays away', () => {
    const away = (request: Request) =>
      request.kind === 'reconnect' ? { rc: 1, timedOut: true } : host(0)(request);
    expect((play(steps({ reboot_timeout: 7 }), away) as ModuleError).message).to.equal(
      'Timed out waiting for last boot time check (timeout=7)',
    );
  });

  it('gives up when the test command keeps failing', () => {
    const failing = host(0, script => (script === 'false' ? { rc: 1, stderr: 'no' } : undefined));
    const result = play(steps({ test_command: 'false', reboot_timeout: 1 }), failing);
    expect((result as ModuleError).message).to.match(/^Timed out waiting for (last boot|post-reboot test)/);
  });

  it('hands message and delay to shutdown, and takes a command of the author', () => {
    const asked = (raw: Record<string, string | number>) => {
      const scripts: string[] = [];
      const answers = host(0);
      const result = play(steps(raw), request => {
        if (request.kind === 'sh') scripts.push(request.script);
        return answers(request);
      });
      expect(result).to.include({ rebooted: true });
      return scripts[1];
    };
    expect(asked({ msg: "it's time", pre_reboot_delay: 150 }))
      .to.include("set -- -r +2 'it'\\''s time'")
      .and.include('/sbin/shutdown');
    expect(asked({ reboot_command: '/sbin/reboot -f' }))
      .to.include('set -- -f')
      .and.include('c=/sbin/reboot');
  });

  it('never reboots the machine it runs on', async () => {
    const message = 'Running reboot with local connection would reboot the control node.';
    expect(await runModule(reboot, {})).to.deep.include({ failed: true, msg: message });
    expect(await runModule(reboot, {}, { checkMode: true })).to.deep.include({ failed: true, msg: message });
  });

  it('predicts the reboot', async () => {
    const context = { connectionKind: 'ssh' } as const;
    expect(await runModule(reboot, {}, { checkMode: true, context })).to.deep.include({
      changed: true,
      rebooted: true,
    });
  });

  it('says which program it looked for', () => {
    const missing = host(0, script =>
      script.includes('setsid') ? { rc: 96, stderr: 'Unable to find command "x"\n' } : undefined,
    );
    expect((play(steps({ reboot_command: 'x' }), missing) as ModuleError).message).to.equal(
      'Unable to find command "x"',
    );
  });
});

describe('wait_for_connection', () => {
  it('is content when the host answers', async () => {
    expect(await runModule(waitForConnection, {})).to.deep.include({ changed: false, elapsed: 0 });
  });
  it('is not when it does not', () => {
    const run = (waitForConnection as ActionModule).run(
      finishedArguments(waitForConnection, {}) as never,
      testContext(),
    );
    const result = play(run, () => ({ rc: 1, stderr: 'connect ETIMEDOUT', timedOut: true }));
    expect((result as ModuleError).message).to.equal(
      'timed out waiting for ping module test: connect ETIMEDOUT',
    );
  });
});
