import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { make } from './make.ts';

describe('make', () => {
  before(function () {
    onlyWithPrograms(this, 'make');
  });
  const MAKEFILE = `all: out\nout: in\n\tcp in out\n\t@echo made $(WHAT)\nfail:\n\t@echo broken >&2; exit 3\n`;
  const inDirectory = (test: (dir: string) => Promise<void>) =>
    withTemporaryDirectory(async dir => {
      writeFileSync(join(dir, 'Makefile'), MAKEFILE);
      writeFileSync(join(dir, 'in'), 'x');
      await test(dir);
    });

  it('runs only when there is something to do', () =>
    inDirectory(async chdir => {
      const raw = { chdir, target: 'all', params: { WHAT: 'it all' }, jobs: 2 };
      expect((await runModule(make, raw, { checkMode: true })).changed).to.equal(true);
      const first = await runModule(make, raw);
      expect(first).to.include({ changed: true });
      expect(first.stdout).to.include('made it all');
      expect(first.command).to.match(/make -j 2 all 'WHAT=it all'$/);
      expect((await runModule(make, raw)).changed).to.equal(false);
    }));
  it('shows the end of what failed', () =>
    inDirectory(async chdir => {
      const result = await runModule(make, { chdir, target: 'fail' });
      expect(result).to.include({ failed: true, rc: 2 });
      expect(result.msg).to.include('broken');
    }));
  it('says that the directory or make is missing', async () => {
    expect((await runModule(make, { chdir: '/no/such' })).msg).to.match(/\/no\/such/);
    expect((await runModule(make, { chdir: '/', make: '/no/make' })).msg).to.match(
      /Failed to find required executable/,
    );
  });
});
