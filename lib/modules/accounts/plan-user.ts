import { partAt } from '../../source/part-at.ts';
import { ModuleError } from '../kit/define.ts';
import { command, findGroup, type GroupEntry, type ShadowEntry, type UserEntry } from './databases.ts';

export interface UserRequest {
  readonly name: string;
  readonly state: 'absent' | 'present';
  readonly uid?: number;
  readonly non_unique: boolean;
  readonly group?: string;
  readonly groups?: readonly string[];
  readonly append: boolean;
  readonly comment?: string;
  readonly home?: string;
  readonly create_home: boolean;
  readonly move_home: boolean;
  readonly skeleton?: string;
  readonly umask?: string;
  readonly shell?: string;
  readonly system: boolean;
  readonly seuser?: string;
  readonly expires?: number;
  readonly password?: string;
  readonly password_lock?: boolean;
  readonly password_expire_min?: number;
  readonly password_expire_max?: number;
  readonly password_expire_warn?: number;
  readonly update_password: 'always' | 'on_create';
  readonly remove: boolean;
  readonly force: boolean;
}

export interface UserFound {
  readonly user: UserEntry | undefined;
  readonly shadow: ShadowEntry | undefined;
  readonly groups: readonly GroupEntry[];
  readonly homeExists: boolean;
}

export interface UserPlan {
  readonly changes: readonly string[];
  /** Command lines, in order. */
  readonly commands: readonly string[];
  /** `name:hash` for chpasswd. */
  readonly password: string | undefined;
}

const DAY = 86_400;

/** A day as useradd wants it; empty means never. */
const day = (seconds: number) => (seconds < 0 ? '' : new Date(seconds * 1000).toISOString().slice(0, 10));

function known(found: UserFound, group: string): GroupEntry {
  const entry = findGroup(found.groups, group);
  if (!entry) throw new ModuleError(`Group ${group} does not exist`);
  return entry;
}

/** Commands that bring an account to what is wanted. Pure; passwords are kept out of the commands. */
export function planUser(wish: UserRequest, found: UserFound): UserPlan {
  if (wish.state === 'absent') return removal(wish, found.user);
  return found.user ? modification(wish, found, found.user) : creation(wish, found);
}

function removal(wish: UserRequest, user: UserEntry | undefined): UserPlan {
  if (!user) return { changes: [], commands: [], password: undefined };
  const flags = [...(wish.force ? ['-f'] : []), ...(wish.remove ? ['-r'] : [])];
  return {
    changes: [`remove user ${wish.name}`],
    commands: [command('userdel', ...flags, wish.name)],
    password: undefined,
  };
}

function creation(wish: UserRequest, found: UserFound): UserPlan {
  const extra = (wish.groups ?? []).map(g => known(found, g));
  const primary = wish.group === undefined ? undefined : known(found, wish.group);
  const flags: (string | number)[] = [
    ...(wish.uid === undefined ? [] : ['-u', wish.uid, ...(wish.non_unique ? ['-o'] : [])]),
    ...(wish.seuser === undefined ? [] : ['-Z', wish.seuser]),
    // A group of the user's own name that is there already becomes the primary one; useradd would refuse to make it.
    ...(primary && wish.group !== undefined
      ? ['-g', wish.group]
      : findGroup(found.groups, wish.name)
        ? ['-N']
        : []),
    ...(extra.length > 0 ? ['-G', (wish.groups ?? []).join(',')] : []),
    ...(wish.comment === undefined ? [] : ['-c', wish.comment]),
    ...(wish.home === undefined ? [] : ['-d', wish.home]),
    ...(wish.shell === undefined ? [] : ['-s', wish.shell]),
    ...(wish.expires === undefined ? [] : ['-e', day(wish.expires)]),
    ...(wish.create_home ? ['-m'] : ['-M']),
    ...(wish.create_home && wish.skeleton !== undefined ? ['-k', wish.skeleton] : []),
    ...(wish.create_home && wish.umask !== undefined ? ['-K', `UMASK=${wish.umask}`] : []),
    ...(wish.system ? ['-r'] : []),
  ];
  const parent = wish.home?.replace(/\/+[^/]*\/*$/, '') || '/';
  return {
    changes: [`add user ${wish.name}`],
    commands: [
      ...(wish.create_home && wish.home !== undefined
        ? [`(umask 022; ${command('mkdir', '-p', '--', parent)})`]
        : []),
      command('useradd', ...flags, '--', wish.name),
      ...aging(wish, undefined).commands,
    ],
    password:
      wish.password === undefined
        ? undefined
        : `${wish.name}:${wish.password_lock ? '!' : ''}${wish.password}`,
  };
}

interface Part {
  readonly flags: readonly (string | number)[];
  readonly change: string;
}

function modification(wish: UserRequest, found: UserFound, user: UserEntry): UserPlan {
  const password = passwordChange(wish, found.shadow);
  const parts = [
    ...plainParts(wish, found, user),
    ...groupParts(wish, found),
    ...expiryParts(wish, found.shadow),
    ...(password === undefined ? lockParts(wish, found.shadow) : []),
  ];
  const age = aging(wish, found.shadow);
  const flags = parts.flatMap(p => p.flags);
  const home = wish.home ?? user.home;
  const makeHome = wish.create_home && !found.homeExists && !(wish.move_home && wish.home !== undefined);
  return {
    changes: [
      ...parts.map(p => `user ${wish.name}: ${p.change}`),
      ...(password === undefined ? [] : [`user ${wish.name}: password`]),
      ...age.changes,
      ...(makeHome ? [`make ${home}`] : []),
    ],
    commands: [
      ...(flags.length > 0 ? [command('usermod', ...flags, '--', wish.name)] : []),
      ...age.commands,
      ...(makeHome ? [homeCommands(home, wish)] : []),
    ],
    password,
  };
}

function plainParts(wish: UserRequest, found: UserFound, user: UserEntry): Part[] {
  const primary = wish.group === undefined ? undefined : known(found, wish.group);
  const parts: (Part | false)[] = [
    wish.uid !== undefined &&
      wish.uid !== user.uid && {
        flags: ['-u', wish.uid, ...(wish.non_unique ? ['-o'] : [])],
        change: `number ${user.uid} → ${wish.uid}`,
      },
    primary !== undefined &&
      primary.gid !== user.gid && {
        flags: ['-g', primary.gid],
        change: `group ${user.gid} → ${primary.gid}`,
      },
    wish.comment !== undefined &&
      wish.comment !== user.comment && {
        flags: ['-c', wish.comment],
        change: `comment "${user.comment}" → "${wish.comment}"`,
      },
    wish.home !== undefined &&
      wish.home !== user.home && {
        flags: ['-d', wish.home, ...(wish.move_home ? ['-m'] : [])],
        change: `home ${user.home} → ${wish.home}`,
      },
    wish.shell !== undefined &&
      wish.shell !== user.shell && {
        flags: ['-s', wish.shell],
        change: `shell ${user.shell} → ${wish.shell}`,
      },
  ];
  return parts.filter((p): p is Part => p !== false);
}

function groupParts(wish: UserRequest, found: UserFound): Part[] {
  if (wish.groups === undefined) return [];
  const now = new Set(found.groups.filter(g => g.members.includes(wish.name)).map(g => g.name));
  const wanted = new Set(wish.groups.map(g => known(found, g).name));
  const missing = [...wanted].filter(g => !now.has(g));
  const surplus = wish.append ? [] : [...now].filter(g => !wanted.has(g));
  if (missing.length === 0 && surplus.length === 0) return [];
  const change = `groups ${[...missing.map(g => `+${g}`), ...surplus.map(g => `-${g}`)].join(' ')}`;
  return [{ flags: [...(wish.append ? ['-a'] : []), '-G', [...wanted].join(',')], change }];
}

function expiryParts(wish: UserRequest, shadow: ShadowEntry | undefined): Part[] {
  if (wish.expires === undefined) return [];
  const now = shadow?.expires ?? -1;
  const wanted = wish.expires < 0 ? -1 : Math.floor(wish.expires / DAY);
  if (now === wanted || (now < 0 && wanted < 0)) return [];
  return [
    {
      flags: ['-e', day(wish.expires)],
      change: `expires ${day(now * DAY) || 'never'} → ${day(wish.expires) || 'never'}`,
    },
  ];
}

const isLocked = (hash: string) => hash.startsWith('!');

function lockParts(wish: UserRequest, shadow: ShadowEntry | undefined): Part[] {
  const hash = shadow?.hash ?? '';
  if (wish.password_lock === true && !isLocked(hash)) return [{ flags: ['-L'], change: 'lock password' }];
  // Without a password below the lock there is nothing to unlock: usermod refuses that each time.
  if (wish.password_lock === false && isLocked(hash) && !/^[!*]+$/.test(hash))
    return [{ flags: ['-U'], change: 'unlock password' }];
  return [];
}

function passwordChange(wish: UserRequest, shadow: ShadowEntry | undefined): string | undefined {
  if (wish.password === undefined || wish.update_password !== 'always') return undefined;
  const bare = (hash: string) => hash.replace(/^!+/, '');
  if (shadow && bare(shadow.hash) === bare(wish.password)) return undefined;
  return `${wish.name}:${wish.password_lock ? '!' : ''}${wish.password}`;
}

function aging(wish: UserRequest, shadow: ShadowEntry | undefined): Pick<UserPlan, 'changes' | 'commands'> {
  const { password_expire_min: min, password_expire_max: max, password_expire_warn: warn } = wish;
  const flags = [
    ...(min !== undefined && min !== shadow?.minimum ? ['-m', min] : []),
    ...(max !== undefined && max !== shadow?.maximum ? ['-M', max] : []),
    ...(warn !== undefined && warn !== shadow?.warning ? ['-W', warn] : []),
  ];
  if (flags.length === 0) return { changes: [], commands: [] };
  return { changes: [`user ${wish.name}: password age`], commands: [command('chage', ...flags, wish.name)] };
}

/** Makes a home directory as useradd would have: the skeleton's files, the user's own, closed to others. */
function homeCommands(home: string, wish: UserRequest): string {
  const skeleton = wish.skeleton ?? '/etc/skel';
  const umask =
    wish.umask === undefined ? `$(awk '$1 == "UMASK" {print $2}' /etc/login.defs 2>/dev/null)` : wish.umask;
  return [
    `h=${command(home)}; u=${umask}; u=\${u:-022}`,
    'mkdir -p -- "$h" || exit $?',
    `[ -d ${command(skeleton)} ] && cp -R ${command(skeleton)}/. "$h"/`,
    `chown -R ${command(`${wish.name}:`)} "$h" && chmod "$(printf '%o' $((0777 & ~0$u)))" "$h"`,
  ].join('\n');
}

/** Whether a password looks as if it had not been hashed. */
export function looksPlain(password: string): boolean {
  if (/^[*!]+$/.test(password)) return false;
  if (/[:*!]/.test(password) || !password.includes('$')) return true;
  const fields = password.split('$');
  const hash = partAt(fields, -1);
  const length = { '1': 22, '5': 43, '6': 86 }[fields[1] ?? ''];
  return (
    fields.length < 3 || /[^a-zA-Z0-9./=]/.test(hash) || (length !== undefined && hash.length !== length)
  );
}
