import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadSettings } from './settings.ts';

describe('settings of a project', () => {
  let dir: string;
  const written = (text: string, environment: Record<string, string> = {}) => {
    writeFileSync(join(dir, 'ansible.cfg'), text);
    return loadSettings(environment, dir);
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-settings-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('come from ansible.cfg, paths from where the file is', () => {
    const settings = written(
      '[defaults]\ninventory = hosts.yml, more\nroles_path=~/roles:./mine ; own\nFORKS: 7\n# forks=9\n[privilege_escalation]\nbecome=yes\n',
    );
    expect(settings.paths('inventory', ',')).to.deep.equal([join(dir, 'hosts.yml'), join(dir, 'more')]);
    expect(settings.paths('rolesPath', ':').at(-1)).to.equal(join(dir, 'mine'));
    expect(settings.number('forks', 1)).to.equal(7);
    expect(settings.flag('become')).to.equal(true);
    expect(settings.flag('forceHandlers')).to.equal(false);
    expect(settings.text('strategy')).to.equal(undefined);
  });

  it('give way to the environment', () => {
    const environment = { ANSIBLE_FORKS: '3', ANSIBLE_ROLES_PATH: '/a:/b', ANSIBLE_STRATEGY: '' };
    const settings = written('[defaults]\nforks=7\nroles_path=c\nstrategy=free\n', environment);
    expect(settings.number('forks', 1)).to.equal(3);
    expect(settings.paths('rolesPath', ':')).to.deep.equal(['/a', '/b']);
    expect(settings.text('strategy')).to.equal('free');
  });

  it('may stand in a file that ANSIBLE_CONFIG names', () => {
    mkdirSync(join(dir, 'etc'));
    writeFileSync(join(dir, 'etc/own.cfg'), '[defaults]\ngathering = smart\n');
    const settings = written('[defaults]\ngathering=explicit\n', {
      ANSIBLE_CONFIG: join(dir, 'etc/own.cfg'),
    });
    expect(settings.text('gathering')).to.equal('smart');
  });

  it('are passed over in a directory that anybody may write to', () => {
    chmodSync(dir, 0o777);
    expect(written('[defaults]\nforks=7\n').text('forks')).to.not.equal('7');
  });

  it('are refused when a number is none', () => {
    const settings = written('[defaults]\nforks=many\n');
    expect(() => settings.number('forks', 1)).to.throw(
      'the setting forks wants a number from 1 on, not "many"',
    );
  });
});
