import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { casesWith, itPredictsTheRun } from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { template } from './template.ts';

const put = casesWith({ dest: '{dir}/f' });

describe('template', () => {
  const options = (dir: string) => ({ files: dir, variables: { name: 'größe' } });
  const SETUP = 'printf "Hello {{ name }}\\n" >t.j2; chmod 711 t.j2';

  itPredictsTheRun(
    template,
    [
      put('a new file', SETUP, { src: 't.j2', mode: '0600' }),
      put('a file in a directory', `${SETUP}; mkdir f`, { src: 't.j2' }),
      put('a file that is right', `${SETUP}; printf "Hello größe\\n" >f`, { src: 't.j2' }),
      put('a mode kept', SETUP, { src: 't.j2', mode: 'preserve' }),
      put('against a validator', SETUP, { src: 't.j2', validate: 'false %s' }, { unpredictable: true }),
      put('a copy kept', `${SETUP}; echo old >f`, { src: 't.j2', backup: true }),
      put('not over another', `${SETUP}; echo old >f`, { src: 't.j2', force: false }),
    ],
    options,
  );

  it('writes another encoding', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', SETUP], { cwd: dir });
      const dest = join(dir, 'f');
      await runModule(template, { src: 't.j2', dest, output_encoding: 'latin-1' }, options(dir));
      expect(readFileSync(dest, 'latin1')).to.equal('Hello größe\n');
    }));

  it('fails when the template is not there', async () => {
    const result = await runModule(template, { src: 'none.j2', dest: '/tmp/x' }, options('/'));
    expect(result).to.include({ failed: true });
  });
});
