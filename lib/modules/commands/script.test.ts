import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { checkFidelity, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { firstWord } from '../kit/sh.ts';
import { script } from './script.ts';

const SCRIPT = `printf '#!/bin/sh\\necho "$# $*"; pwd; cat; echo err >&2; exit \${RC:-0}\\n' >"my script"`;

const run = (name: string, cmd: string, args: Record<string, Json> = {}, setup = SCRIPT): OracleCase => ({
  name,
  setup,
  args: { _raw_params: cmd, chdir: '{dir}', ...args },
});

describe('script', () => {
  itAgreesWithAnsible(script, { via: 'action', fields: ['rc', 'stdout', 'stderr', 'skipped', 'msg'] }, [
    run('runs with arguments', `"{dir}/my script" one 'two three' $((1 + 2))`),
    run('runs with a program', `"{dir}/my script" x`, { executable: '/bin/bash' }),
    run('fails with the code', `'{dir}/fails'`, {}, `printf '#!/bin/sh\\nexit 3\\n' >fails`),
    run('runs what needs no shell', `'{dir}/bin'`, {}, `cp /bin/true bin`),
    run('does not run when it created', `"{dir}/my script"`, { creates: '{dir}' }),
    run('does not run without', `"{dir}/my script"`, { removes: '{dir}/none' }),
    run('refuses a relative directory', `"{dir}/my script"`, { chdir: 'x' }),
  ]);

  it('leaves nothing behind, and is not run in check mode', () =>
    withTemporaryDirectory(async dir => {
      const left = () => readdirSync('/tmp').filter(name => /^polarplay-[0-9a-f]{12}$/.test(name));
      const before = left();
      const options = { context: { find: () => '/bin/true', read: () => Buffer.alloc(300_000, '# x\n') } };
      expect(await runModule(script, { cmd: 'large', chdir: dir }, options)).to.include({
        changed: true,
        rc: 0,
      });
      expect(left()).to.deep.equal(before);
      expect(await runModule(script, { cmd: 'x' }, { checkMode: true })).to.include({ skipped: true });
      expect(await runModule(script, { cmd: 'x', creates: '/none' }, { checkMode: true })).to.include({
        changed: true,
      });
    }));

  it('check mode predicts the run where creates and removes decide', () =>
    withTemporaryDirectory(async dir => {
      const [file, made] = [join(dir, 'make'), join(dir, 'made')];
      const context = { find: () => file };
      const task = (cmd: string) => ({ cmd, chdir: dir });
      writeFileSync(file, '#!/bin/sh\n"$1" made\n');
      const making = await checkFidelity(script, { ...task('make touch'), creates: made }, dir, { context });
      expect(making.first).to.include({ changed: true, rc: 0 });
      const removing = await checkFidelity(script, { ...task('make rm'), removes: made }, dir, { context });
      expect(removing.first).to.include({ changed: true, rc: 0 });
    }));

  it('finds the first word', () => {
    expect(firstWord(` "a b"c  'd' e`)).to.deep.equal(['a bc', `  'd' e`]);
    expect(firstWord('a\\ b c')).to.deep.equal(['a b', ' c']);
  });
});
