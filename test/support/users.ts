import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

export interface TestUser {
  readonly name: string;
  readonly home: string;
  readonly password: string;
  /** Replaces the user's line in sudoers; undefined removes it. */
  sudo(rule: string | undefined): void;
  remove(): void;
}

/** Adds a throw-away user with a password; `remove()` takes every trace of it away. */
export function addUser(shell: string): TestUser {
  const name = `pp-test-${randomBytes(4).toString('hex')}`;
  const password = randomBytes(6).toString('hex');
  execFileSync('useradd', ['--create-home', '--shell', shell, name]);
  execFileSync('chpasswd', { input: `${name}:${password}\n` });
  const sudoers = `/etc/sudoers.d/${name}`;
  return {
    name,
    home: `/home/${name}`,
    password,
    sudo: rule => {
      if (rule === undefined) rmSync(sudoers, { force: true });
      else writeFileSync(sudoers, `${name} ${rule}\n`, { mode: 0o440 });
    },
    remove: () => {
      rmSync(sudoers, { force: true });
      // A session that is just ending may still run as the user.
      execFileSync('userdel', ['--force', '--remove', name], { stdio: 'ignore' });
    },
  };
}

/** Whether a program is installed in one of the usual places. */
export function isInstalled(name: string): boolean {
  return ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].some(directory => existsSync(`${directory}/${name}`));
}
