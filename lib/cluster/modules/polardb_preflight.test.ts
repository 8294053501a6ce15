import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { DiskProbe } from './pfs/pfs-disk.ts';
import { type HostSurvey, polardbPreflight } from './polardb_preflight.ts';

/** Reads only: it may look at this machine. */
describe('polardb_preflight', () => {
  it('tells what a host is, and what is missing on it', async () => {
    const result = await runModule(polardbPreflight, {
      packages: ['coreutils', 'no-such-package'],
      folders: ['/tmp/of/a/folder/that/is/not/there'],
      wanted: { hostid: 1 },
    });
    const survey = result['survey'] as unknown as HostSurvey;
    expect(survey.architecture).to.equal(spawnSync('uname', ['-m'], { encoding: 'utf8' }).stdout.trim());
    expect(Math.abs(survey.time - Date.now() / 1000)).to.be.lessThan(30);
    expect(survey.memoryMib).to.be.greaterThan(100);
    expect(survey.missingPackages).to.deep.equal(['no-such-package']);
    expect(survey.freeMib['/tmp/of/a/folder/that/is/not/there']).to.be.greaterThan(0);
    expect(result['wanted']).to.deep.equal({ hostid: 1 });
    expect(result.changed).to.equal(false);
  });

  it('sees who listens on a port, and takes no name of it for a line of its own', async () => {
    const server = (await import('node:net')).createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const result = await runModule(polardbPreflight, {
        ports: [`${port}`],
        folders: ["/tmp/x\ndeployed=node'"],
      });
      const survey = result['survey'] as unknown as HostSurvey;
      expect(survey.listeners.map(listener => listener.port)).to.deep.equal([port]);
      expect(survey.deployed).not.to.include('node');
    } finally {
      server.close();
    }
  });

  it('looks at a device closely and leaves it as it is', () =>
    withTemporaryDirectory(async dir => {
      const file = join(dir, 'disk');
      writeFileSync(file, '');
      truncateSync(file, 32 * 2 ** 20);
      const result = await runModule(polardbPreflight, { devices: [file, join(dir, 'nosuch')] });
      const probes = result['probes'] as unknown as readonly DiskProbe[];
      expect(probes.map(({ kind, signatures }) => [kind, signatures])).to.deep.equal([
        ['file', []],
        ['missing', []],
      ]);
    }));
});
