import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  checkFidelity,
  finishedArguments,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { ModuleContext } from '../kit/define.ts';
import { rsyncWords, synchronize } from './synchronize.ts';

describe('synchronize', () => {
  it('copies, and removes what is too much', function () {
    onlyWithPrograms(this, 'rsync');
    return withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-c', 'mkdir a b; echo 1 >a/f; echo 2 >b/g'], { cwd: dir });
      const raw = { src: `${join(dir, 'a')}/`, dest: join(dir, 'b') };
      const { first } = await checkFidelity(synchronize, raw, dir);
      expect([first.changed, first.failed]).to.deep.equal([true, undefined]);
      expect(readFileSync(join(dir, 'b/f'), 'utf8')).to.equal('1\n');
      await checkFidelity(synchronize, { ...raw, delete: true }, dir);
      expect(existsSync(join(dir, 'b/g'))).to.equal(false);
      expect((await runModule(synchronize, { ...raw, src: join(dir, 'none') })).failed).to.equal(true);
    });
  });

  const script = (
    raw: Record<string, Json>,
    context: Partial<ModuleContext>,
    variables: Record<string, Json> = {},
  ) => {
    if (synchronize.kind !== 'action') throw new Error('an action');
    const ctx = testContext({ variables, context: { host: 'web', connectionKind: 'ssh', ...context } });
    const steps = synchronize.run(finishedArguments(synchronize, raw) as never, ctx);
    const [request] = replaySteps(steps, [{}]).requests;
    return `${request!.kind}: ${(request as { script: string }).script.split('\n').at(-1)}`;
  };
  const reach = (delegate?: string, become?: string) => ({ reach: () => ({ delegate, become }) });

  it('starts rsync where the task belongs', () => {
    const raw = { src: '/a', dest: '/b' };
    const variables = {
      ansible_host: '10.0.0.1',
      ansible_user: 'me',
      ansible_port: 2222,
      ansible_ssh_common_args: '-o X=y',
    };
    expect(script(raw, reach(undefined, 'root'), variables)).to.match(
      /^control: rsync .*'--rsh=ssh -S none -o BatchMode=yes -p 2222 -o X=y' '--rsync-path=sudo -n -u root rsync' -- \/a me@10.0.0.1:\/b$/,
    );
    expect(script({ ...raw, mode: 'pull' }, reach(), variables)).to.match(/ -- me@10.0.0.1:\/a \/b$/);
    expect(script(raw, reach('web'), variables)).to.match(/^sh: rsync .* -- \/a \/b$/);
    expect(script(raw, reach('other'), variables)).to.match(/^sh: rsync .* \/a me@10.0.0.1:\/b$/);
  });

  it('turns arguments into words', () => {
    const words = (raw: Record<string, Json>) =>
      rsyncWords(
        finishedArguments(synchronize, {
          src: 'a',
          dest: 'b',
          compress: false,
          delay_updates: false,
          ...raw,
        }) as never,
        false,
      );
    expect(words({ owner: false, rsync_opts: ['--exclude=x'] })).to.deep.equal([
      ...['--archive', '--no-owner', '--exclude=x', '--out-format=<<CHANGED>>%i %n%L'],
    ]);
    expect(words({ archive: false, recursive: true }).slice(0, 1)).to.deep.equal(['--recursive']);
  });
});
