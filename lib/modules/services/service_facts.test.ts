import { expect } from 'chai';
import { recordsOf, recordsText } from '../../../test/support/run-module.ts';
import { parseServices } from './service_facts.ts';

describe('service_facts', () => {
  const said = (values: Record<string, string>) => recordsOf(recordsText(values));
  it('reads systemd', () => {
    const found = parseServices(
      said({
        units: `  ssh.service                loaded    active   running OpenBSD Secure Shell server
● nbd.service                loaded    failed   failed  NBD
● gone.service               not-found inactive dead    gone.service
  once.service               loaded    active   exited  Once
`,
        files: `ssh.service enabled enabled
nbd.service disabled enabled
idle.service static -
`,
      }),
    );
    expect(found['ssh.service']).to.deep.equal({
      name: 'ssh.service',
      state: 'running',
      status: 'enabled',
      source: 'systemd',
    });
    expect(found['nbd.service']).to.include({ state: 'stopped', status: 'failed' });
    expect(found['gone.service']).to.include({ status: 'not-found' });
    expect(found['once.service']).to.include({ state: 'stopped', status: 'active' });
    expect(found['idle.service']).to.include({ state: 'inactive', status: 'static' });
  });
  it('reads init scripts and OpenRC', () => {
    expect(parseServices(said({ sysv: ' [ + ]  cron\n [ - ]  x11-common\n' }))).to.deep.equal({
      cron: { name: 'cron', state: 'running', source: 'sysv' },
      'x11-common': { name: 'x11-common', state: 'stopped', source: 'sysv' },
    });
    const found = parseServices(
      said({ openrc: 'Runlevel: default\n sshd     [  started  ]\n', levels: '   sshd | default\n' }),
    );
    expect(found.sshd).to.deep.equal({
      name: 'sshd',
      runlevels: ['default'],
      state: 'started',
      source: 'openrc',
    });
  });
});
