import { expect } from 'chai';
import type { Become } from '../connection.ts';
import { becomeCommand, becomeFailure } from './become.ts';

const line = (become: Become): string => becomeCommand(become, 'echo it', 'tok-').command;

describe('become', () => {
  const commands: readonly [become: Become, command: string][] = [
    [{ method: 'sudo', user: 'root' }, "sudo -H -S -n -p tok-password: -u root /bin/sh -c 'echo it'"],
    [
      { method: 'sudo', user: 'root', password: 'secret' },
      "sudo -H -S -p tok-password: -u root /bin/sh -c 'echo it'",
    ],
    [
      { method: 'sudo', user: 'app user', flags: '-HSn', password: 'x', executable: '/opt/sudo' },
      "/opt/sudo -HS -p tok-password: -u 'app user' /bin/sh -c 'echo it'",
    ],
    [{ method: 'sudo', user: 'u', flags: '' }, "sudo -S -p tok-password: -u u /bin/sh -c 'echo it'"],
    [{ method: 'su', user: 'postgres' }, "su -s /bin/sh postgres -c 'echo it'"],
    [{ method: 'su', user: 'p', flags: '- -s /bin/bash' }, "su - -s /bin/bash p -c 'echo it'"],
    [{ method: 'doas', user: 'root' }, "doas -n -u root /bin/sh -c 'echo it'"],
  ];
  for (const [become, command] of commands) {
    it(`writes ${command}`, () => {
      expect(line(become)).to.equal(command);
      expect(command).to.not.include('secret');
    });
  }

  const failures: readonly [said: string, reason: string][] = [
    ['sudo: a password is required', 'a password is needed to become root with sudo'],
    ['Sorry, try again.', 'the password to become root with sudo was refused'],
    ['su: Authentication failure', 'the password to become root with sudo was refused'],
    ['bob is not in the sudoers file.', 'the login user may not use sudo (not in the sudoers file)'],
    [
      'Sorry, user bob is not allowed to execute',
      'sudo does not allow the login user to run a shell as root',
    ],
    ['sudo: sorry, you must have a tty to run sudo', 'sudo insists on a terminal'],
    ['sudo: unknown user root', 'there is no user root to become'],
    ['sh: 1: exec: sudo: not found', 'sudo is not installed'],
    ['sudo: no valid sudoers sources found', 'sudo did not start a shell as root: sudo: no valid sudoers'],
    ['', 'sudo did not start a shell as root'],
  ];
  for (const [said, reason] of failures) {
    it(`explains ${JSON.stringify(said)}`, () => {
      const error = becomeFailure('db1', { method: 'sudo', user: 'root' }, said);
      expect(error.message).to.include(reason);
      expect(error.host).to.equal('db1');
    });
  }
});
