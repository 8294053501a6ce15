import { expect } from 'chai';
import type { UserEntry } from './databases.ts';
import { parseGroups, parseShadow, parseUser } from './databases.ts';
import { looksPlain, planUser, type UserFound, type UserRequest } from './plan-user.ts';

const request = (more: Partial<UserRequest> = {}): UserRequest => ({
  name: 'bob',
  state: 'present',
  non_unique: false,
  append: false,
  create_home: true,
  move_home: false,
  system: false,
  update_password: 'always',
  remove: false,
  force: false,
  ...more,
});
const bob: UserEntry = {
  name: 'bob',
  uid: 1001,
  gid: 1001,
  comment: 'Bob',
  home: '/home/bob',
  shell: '/bin/sh',
};
const groups = parseGroups('bob:x:1001:\nadm:x:4:bob,al\nwheel:x:10:\n');
const found = (more: Partial<UserFound> = {}): UserFound => ({
  user: bob,
  shadow: parseShadow('bob:$6$salt$hash:19000:0:99999:7:::'),
  groups,
  homeExists: true,
  ...more,
});
const none = found({ user: undefined, shadow: undefined, groups: groups.filter(g => g.name !== 'bob') });

describe('users: what to do', () => {
  const cases: readonly [string, UserRequest, UserFound, readonly string[]][] = [
    ['nothing', request({ uid: 1001, shell: '/bin/sh', home: '/home/bob' }), found(), []],
    ['a new one', request({ uid: 7, comment: "O'B" }), none, ["useradd -u 7 -c 'O'\\''B' -m -- bob"]],
    [
      'a new one whose group exists',
      request({ create_home: false }),
      found({ user: undefined }),
      ['useradd -N -M -- bob'],
    ],
    [
      'a new one with a home elsewhere',
      request({ home: '/srv/x/bob', system: true }),
      none,
      ['(umask 022; mkdir -p -- /srv/x)', 'useradd -d /srv/x/bob -m -r -- bob'],
    ],
    [
      'shell and number',
      request({ uid: 5, shell: '/bin/bash' }),
      found(),
      ['usermod -u 5 -s /bin/bash -- bob'],
    ],
    ['more groups', request({ groups: ['wheel'], append: true }), found(), ['usermod -a -G wheel -- bob']],
    ['other groups', request({ groups: ['wheel'] }), found(), ['usermod -G wheel -- bob']],
    ['no groups', request({ groups: [] }), found(), ["usermod -G '' -- bob"]],
    ['no groups, but appending', request({ groups: [], append: true }), found(), []],
    ['the groups it has', request({ groups: ['adm'] }), found(), []],
    ['the primary group by number', request({ group: '1001' }), found(), []],
    ['another primary group', request({ group: 'wheel' }), found(), ['usermod -g 10 -- bob']],
    [
      'moving home',
      request({ home: '/srv/bob', move_home: true }),
      found({ homeExists: false }),
      ['usermod -d /srv/bob -m -- bob'],
    ],
    ['expiry', request({ expires: 1_893_456_000 }), found(), ['usermod -e 2030-01-01 -- bob']],
    ['no expiry', request({ expires: -1 }), found(), []],
    ['lock', request({ password_lock: true }), found(), ['usermod -L -- bob']],
    [
      'unlock nothing',
      request({ password_lock: false }),
      found({ shadow: parseShadow('bob:!:1:0:99999:7:::') }),
      [],
    ],
    [
      'unlock',
      request({ password_lock: false }),
      found({ shadow: parseShadow('bob:!$6$a$b:1:0:99999:7:::') }),
      ['usermod -U -- bob'],
    ],
    ['age', request({ password_expire_max: 90 }), found(), ['chage -M 90 bob']],
    ['warning', request({ password_expire_warn: 14 }), found(), ['chage -W 14 bob']],
    ['removal', request({ state: 'absent', remove: true, force: true }), found(), ['userdel -f -r bob']],
    ['removal of nobody', request({ state: 'absent' }), none, []],
  ];
  for (const [name, wanted, state, commands] of cases) {
    it(name, () => {
      const plan = planUser(wanted, state);
      expect(plan.commands).to.deep.equal(commands);
      expect(plan.changes.length > 0).to.equal(commands.length > 0);
      expect(plan.password).to.equal(undefined);
    });
  }

  it('keeps passwords out of command lines', () => {
    const hash = '$6$other$hash';
    for (const state of [found(), none]) {
      const plan = planUser(request({ password: hash, password_lock: true }), state);
      expect(plan.password).to.equal(`bob:!${hash}`);
      expect(plan.commands.join()).not.to.include(hash);
    }
    expect(planUser(request({ password: '$6$salt$hash' }), found()).changes).to.deep.equal([]);
    expect(planUser(request({ password: hash, update_password: 'on_create' }), found()).password).to.equal(
      undefined,
    );
  });

  it('needs groups that exist', () => {
    expect(() => planUser(request({ groups: ['nosuch'] }), found())).to.throw('Group nosuch does not exist');
    expect(() => planUser(request({ group: 'nosuch' }), none)).to.throw('Group nosuch does not exist');
  });

  it('notices passwords that are not hashed', () => {
    expect(looksPlain('secret')).to.equal(true);
    expect(looksPlain('$6$short$abc')).to.equal(true);
    expect(looksPlain('!')).to.equal(false);
    expect(looksPlain(`$6$salt$${'a'.repeat(86)}`)).to.equal(false);
    expect(looksPlain(`$y$j9T$salt$${'a'.repeat(43)}`)).to.equal(false);
  });

  it('reads entries', () => {
    expect(parseUser('bob:x:1:2:A, B:/h:/s\n')).to.deep.equal({
      name: 'bob',
      uid: 1,
      gid: 2,
      comment: 'A, B',
      home: '/h',
      shell: '/s',
    });
    expect(parseUser('')).to.equal(undefined);
    expect(parseShadow('bob:!:1:0:99999:7::20000:')).to.deep.equal({
      hash: '!',
      minimum: 0,
      maximum: 99999,
      warning: 7,
      expires: 20000,
    });
  });
});
