import { expect } from 'chai';
import { testContext } from '../../../test/support/run-module.ts';
import { A, Type } from './arguments.ts';
import { defineAction, defineState, ModuleError, type Reply, type Request, sh } from './define.ts';
import { callSteps, drive, failureResult, StopDriving } from './drive.ts';

const REPLY: Reply = { rc: 0, stdout: 'old', stderr: '', stdoutBytes: Buffer.from('old'), timedOut: false };

const word = defineState({
  name: 'word',
  summary: 'Keeps one word.',
  args: Type.Object({ want: A.str('The word.') }),
  *probe() {
    return (yield* sh('read')).stdout;
  },
  diff: (found, { want }) => ({
    changes: found === want ? [] : ['word'],
    diff: [{ before: found, after: want }],
    result: { was: found, known: true },
  }),
  *apply() {
    yield* sh('write');
    return { late: true };
  },
});

/** Runs the module with prepared replies; says what was asked, and what came of it. */
async function run(module: typeof word | ReturnType<typeof defineAction>, checkMode: boolean, want = 'new') {
  const asked: string[] = [];
  const perform = async (request: Request) => {
    asked.push((request as { script: string }).script);
    return REPLY;
  };
  const call = { module, args: { want }, ctx: testContext({ checkMode }) };
  return { result: await drive(callSteps(call), perform), asked };
}

describe('the driver of modules', () => {
  it('probes, and applies what differs', async () => {
    const { result, asked } = await run(word, false);
    expect(asked).to.deep.equal(['read', 'write']);
    const diff = [{ before: 'old', after: 'new' }];
    expect(result).to.deep.equal({ was: 'old', known: true, late: true, changed: true, diff });
  });

  it('applies nothing in check mode, and shows the same diff', async () => {
    const { result, asked } = await run(word, true);
    expect(asked).to.deep.equal(['read']);
    const diff = [{ before: 'old', after: 'new' }];
    expect(result).to.deep.equal({ was: 'old', known: true, changed: true, diff });
  });

  it('applies nothing where the host is as wanted', async () => {
    const { result, asked } = await run(word, false, 'old');
    expect(asked).to.deep.equal(['read']);
    expect(result).to.include({ changed: false });
  });

  const action = (more: object) =>
    defineAction({
      name: 'act',
      summary: 'Acts.',
      args: Type.Object({}),
      *run() {
        yield* sh('act');
        return { changed: true };
      },
      ...more,
    });

  it('runs an action in check mode only where it reads, and asks its own check otherwise', async () => {
    expect(await run(action({}), false)).to.deep.equal({ result: { changed: true }, asked: ['act'] });
    expect(await run(action({}), true)).to.deep.equal({
      result: {
        changed: false,
        skipped: true,
        unknown: 'act runs only for real',
        msg: 'skipped, running in check mode',
      },
      asked: [],
    });
    expect((await run(action({ readOnly: true }), true)).asked).to.deep.equal(['act']);
    const predicts = action({
      *check() {
        return { changed: false };
      },
    });
    expect(await run(predicts, true)).to.deep.equal({ result: { changed: false }, asked: [] });
  });

  it('hands a lost connection to the module, and never a stop', async () => {
    const patient = action({
      *run() {
        try {
          yield* sh('act');
        } catch {
          return { changed: false, caught: true };
        }
        return { changed: true };
      },
    });
    const failing = (error: Error) =>
      drive(callSteps({ module: patient, args: {}, ctx: testContext() }), () => Promise.reject(error));
    expect(await failing(new Error('gone'))).to.deep.equal({ changed: false, caught: true });
    const stop = new StopDriving('time is up');
    expect(await failing(stop).catch(error => error)).to.equal(stop);
  });

  it('makes a result of a module’s own failure alone', () => {
    expect(failureResult(new ModuleError('no', { rc: 3 }))).to.deep.equal({
      changed: false,
      failed: true,
      msg: 'no',
      rc: 3,
    });
    expect(() => failureResult(new TypeError('bug'))).to.throw(TypeError);
  });
});
