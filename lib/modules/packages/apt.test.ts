import { expect } from 'chai';
import { onlyWhereChangesAreAllowed, onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
} from '../../../test/support/run-module.ts';
import { scratchSystem } from '../../../test/support/scratch-system.ts';
import type { Result } from '../kit/define.ts';
import { apt } from './apt.ts';

const HEADER = recordsText({ stamp: '1700000000', arch: 'amd64' });

/** Runs apt against prepared answers of the host. */
function replay(
  raw: Record<string, string | boolean | string[]>,
  stdouts: readonly string[],
  checkMode = false,
) {
  if (apt.kind !== 'action') throw new Error('apt is an action');
  const args = finishedArguments(apt, raw) as never;
  const { value, requests } = replaySteps(
    apt.run(args, testContext({ checkMode })),
    stdouts.map(stdout => ({ stdout })),
  );
  return { result: value as Result, scripts: requests.map(r => (r.kind === 'sh' ? r.script : r.kind)) };
}

const DONE = 'Reading state information...\n0 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.\n';

describe('apt', () => {
  it('asks once when the package is there', () => {
    const { result, scripts } = replay({ name: 'foo' }, [
      HEADER + recordsText({ installed: 'foo\tamd64\t1.0\tinstalled\n' }),
    ]);
    expect(scripts).to.have.length(1);
    expect(result).to.deep.equal({ changed: false, cache_updated: false, cache_update_time: 1_700_000_000 });
  });

  it('installs what is missing, with the version the lists offer', () => {
    const policy = 'foo:\n  Installed: (none)\n  Candidate: 1.0\n  Version table:\n     1.0 500\n';
    const { result, scripts } = replay({ pkg: 'foo' }, [HEADER, policy, DONE]);
    expect(scripts[2])
      .to.match(/apt-get .*install -- foo=1\.0'/)
      .and.include('--force-confold');
    expect(result.changed).to.equal(true);
    expect(result.stdout).to.equal(DONE);
  });

  it('simulates in check mode', () => {
    const policy = 'foo:\n  Candidate: 1.0\n  Version table:\n     1.0 500\n';
    expect(replay({ name: 'foo' }, [HEADER, policy, DONE], true).scripts[2]).to.include(' --simulate ');
  });

  it('quotes names', () => {
    const { scripts } = replay({ name: "a'b", state: 'absent' }, [HEADER]);
    expect(scripts[0]).to.include(`'a'\\''b'`);
  });

  it('says that nothing changed when apt had nothing to do', () => {
    const nothing = '0 upgraded, 0 newly installed, 0 to remove and 7 not upgraded.\n';
    expect(replay({ upgrade: 'dist' }, [HEADER, nothing]).result.changed).to.equal(false);
  });

  it('marks as wanted what was installed for the sake of others', () => {
    const found = recordsText({
      stamp: '1',
      arch: 'amd64',
      automatic: 'Package: foo\nArchitecture: amd64\nAuto-Installed: 1\n',
      installed: 'foo\tamd64\t1\tinstalled\n',
    });
    const { result, scripts } = replay({ name: 'foo' }, [found, '']);
    expect(scripts[1]).to.equal('apt-mark manual foo >/dev/null');
    expect(result.changed).to.equal(false);
  });

  it('excludes arguments that contradict each other', () => {
    expect(() => finishedArguments(apt, { name: 'a', deb: '/b.deb' })).to.throw('exclude each other');
  });

  it('installs and removes a real package', async function () {
    onlyWhereChangesAreAllowed(this);
    onlyWithPrograms(this, 'apt-get');
    this.timeout(180_000);
    await runModule(apt, { name: 'sl', state: 'absent', purge: true });
    const run = (raw: Record<string, string>, checkMode = false) => runModule(apt, raw, { checkMode });
    expect((await run({ name: 'sl' }, true)).changed).to.equal(true);
    const first = await run({ name: 'sl', cache_valid_time: '86400' });
    expect(first.changed, JSON.stringify(first)).to.equal(true);
    expect((await run({ name: 'sl' })).changed).to.equal(false);
    expect((await run({ name: 'sl', state: 'latest' })).changed).to.equal(false);
    expect((await run({ name: 's[l]', state: 'absent' })).changed).to.equal(true);
    expect((await run({ name: 'sl', state: 'absent', purge: 'true' })).changed).to.equal(false);
  });

  it('repairs what a dpkg left that was killed', async function () {
    onlyWithPrograms(this, 'apt-get', 'dpkg-deb');
    this.timeout(120_000);
    const copy = await scratchSystem(this);
    try {
      // Its script kills dpkg while that works on it, as a reset of the host would.
      copy.run(`cd /root; mkdir -p d/DEBIAN
        printf 'Package: pptest\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n' >d/DEBIAN/control
        printf '#!/bin/sh\\n[ -e /root/once ] || { touch /root/once; kill -9 $PPID; }\\n' >d/DEBIAN/postinst
        chmod 755 d/DEBIAN/postinst; dpkg-deb -b d pptest.deb >/dev/null
        dpkg -i pptest.deb >/dev/null 2>&1 || :; ls /var/lib/dpkg/updates | grep -q .`);
      const result = await runModule(apt, { deb: '/root/pptest.deb' }, { enter: copy.enter });
      expect(result.failed, JSON.stringify(result)).to.equal(undefined);
      expect(result.stderr).to.match(/an earlier dpkg was interrupted/);
      copy.run(`dpkg-query -W -f '\${db:Status-Status}' pptest | grep -x installed`);
    } finally {
      copy.end();
    }
  });

  it('cleans up and removes what nothing needs in one task', async function () {
    onlyWithPrograms(this, 'apt-get', 'dpkg-deb');
    this.timeout(120_000);
    const copy = await scratchSystem(this);
    try {
      copy.run(`cd /root; mkdir -p d/DEBIAN
        printf 'Package: ppunused\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n' >d/DEBIAN/control
        dpkg-deb -b d ppunused.deb >/dev/null; dpkg -i ppunused.deb >/dev/null; apt-mark auto ppunused >/dev/null`);
      const result = await runModule(apt, { autoremove: 'true', autoclean: 'true' }, { enter: copy.enter });
      expect(result.failed, JSON.stringify(result)).to.equal(undefined);
      expect(result.changed).to.equal(true);
      copy.run('! dpkg-query -W ppunused 2>/dev/null');
    } finally {
      copy.end();
    }
  });

  it('names the package that does not exist', async function () {
    onlyWithPrograms(this, 'apt-get', 'apt-cache');
    const result = await runModule(apt, { name: 'no-such-package-x' }, { checkMode: true });
    expect(result).to.deep.include({
      failed: true,
      msg: "No package matching 'no-such-package-x' is available",
    });
  });
});
