import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { allModules, findModule } from '../../lib/engine/module-list.ts';
import type { Module } from '../../lib/modules/kit/define.ts';
import { runModule } from '../support/run-module.ts';
import { type ScratchSystem, scratchSystem } from '../support/scratch-system.ts';
import { ON_A_COPY } from './on-a-copy.ts';
import { ON_A_LAB_HOST } from './on-a-lab-host.ts';
import { ON_ITS_OWN_KERNEL } from './on-its-own-kernel.ts';
import { type Host, proveScenario } from './prove.ts';

/** Modules whose own tests prove it, with what these bring along for it. */
const IN_ITS_OWN_TEST: Readonly<Record<string, readonly [brings: string, file: string]>> = {
  docker_container: ['a Docker daemon', 'containers/docker_container.test.ts'],
  docker_image: ['a Docker daemon', 'containers/docker_container.test.ts'],
  fetch: ['a place on the control machine', 'files/fetch.test.ts'],
  get_url: ['a web server', 'net/http.test.ts'],
  mysql_db: ['a MariaDB server', 'databases/mysql_query.test.ts'],
  mysql_user: ['a MariaDB server', 'databases/mysql_query.test.ts'],
  postgresql_db: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  postgresql_ext: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  postgresql_ping: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  postgresql_privs: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  postgresql_query: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  postgresql_user: ['a PostgreSQL server', 'databases/postgresql.test.ts'],
  script: ['a file of the control machine', 'commands/script.test.ts'],
  synchronize: ['rsync, and two places', 'files/synchronize.test.ts'],
  template: ['a file of the control machine', 'files/template.test.ts'],
};

const checks = (module: Module) =>
  module.kind === 'state' ||
  (module.kind === 'action' && (module.readOnly === true || module.check !== undefined));
/** The modules of the deployment have tests of their own, with stand-ins for what a cluster needs. */
const ofDeployment = (name: string) => /^(polardb|pfs)_/.test(name);

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

describe('check mode predicts the run', function () {
  this.timeout(600_000);

  it('is proven for every module that has one, here or in a test of its own', () => {
    const names = allModules()
      .filter(checks)
      .map(module => module.name)
      .filter(name => !ofDeployment(name));
    const proven = [ON_A_COPY, ON_A_LAB_HOST, ON_ITS_OWN_KERNEL, IN_ITS_OWN_TEST].flatMap(Object.keys).sort();
    expect(proven).to.deep.equal(names);
    for (const [name, [, file]] of Object.entries(IN_ITS_OWN_TEST)) {
      const exported = name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
      const handsIn = new RegExp(`\\b(checkFidelity|itPredictsTheRun|truth)\\(\\s*${exported}\\b`);
      const text = readFileSync(join(import.meta.dirname, '../../lib/modules', file), 'utf8');
      expect(text, `${file} hands ${name} to checkFidelity`)
        .to.match(handsIn)
        .and.match(/checkFidelity|itPredictsTheRun/);
    }
  });

  let copy: ScratchSystem | undefined;
  after(() => copy?.end());
  /** Every script that a module ran, with the first module that ran it. */
  const scripts = new Map<string, string>();

  for (const [name, scenario] of Object.entries(ON_A_COPY)) {
    it(name, async function () {
      const missing = (scenario.needs ?? []).filter(program => !isThere(program));
      if (missing.length > 0) {
        console.log(`      skipped: runs where ${missing.join(', ')} can be found`);
        this.skip();
      }
      copy ??= await scratchSystem(this);
      await proveScenario(findModule(name)!, scenario, hostOf(copy, scripts), `/srv/${name}`);
    });
  }

  it('runs scripts in which shellcheck finds no error', function () {
    if (!isThere('shellcheck')) {
      console.log('      skipped: runs where shellcheck can be found');
      this.skip();
    }
    expect(scripts.size).to.be.greaterThan(0);
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-shellcheck-'));
    try {
      const files = [...scripts].map(([script, module], i) => {
        const file = join(dir, `${module}-${i}.sh`);
        writeFileSync(file, script);
        return file;
      });
      const check = ['-s', 'sh', '-S', 'error', '-f', 'gcc', ...files];
      const { status, stdout, stderr } = spawnSync('shellcheck', check, { encoding: 'utf8' });
      expect(stdout + stderr).to.equal('');
      expect(status).to.equal(0);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

const hostOf = ({ run, state, enter }: ScratchSystem, scripts: Map<string, string>): Host => ({
  prepare: run,
  state,
  run: (module, args, checkMode) =>
    runModule(module, args, {
      enter,
      checkMode,
      diffMode: true,
      onRequest: request => {
        if (request.kind === 'sh' && !scripts.has(request.script)) scripts.set(request.script, module.name);
      },
    }),
});
