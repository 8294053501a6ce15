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
export function planUser(request: UserRequest, found: UserFound): UserPlan {
  if (request.state === 'absent') return removal(request, found.user);
  return found.user ? modification(request, found, found.user) : creation(request, found);
}

function removal(request: UserRequest, user: UserEntry | undefined): UserPlan {
  if (!user) return { changes: [], commands: [], password: undefined };
  const flags = [...(request.force ? ['-f'] : []), ...(request.remove ? ['-r'] : [])];
  return {
    changes: [`remove user ${request.name}`],
    commands: [command('userdel', ...flags, request.name)],
    password: undefined,
  };
}

function creation(request: UserRequest, found: UserFound): UserPlan {
  const extra = (request.groups ?? []).map(g => known(found, g));
  const primary = request.group === undefined ? undefined : known(found, request.group);
  const flags: (string | number)[] = [
    ...(request.uid === undefined ? [] : ['-u', request.uid, ...(request.non_unique ? ['-o'] : [])]),
    ...(request.seuser === undefined ? [] : ['-Z', request.seuser]),
    // A group of the user's own name that is there already becomes the primary one; useradd would refuse to make it.
    ...(primary && request.group !== undefined
      ? ['-g', request.group]
      : findGroup(found.groups, request.name)
        ? ['-N']
        : []),
    ...(extra.length > 0 ? ['-G', (request.groups ?? []).join(',')] : []),
    ...(request.comment === undefined ? [] : ['-c', request.comment]),
    ...(request.home === undefined ? [] : ['-d', request.home]),
    ...(request.shell === undefined ? [] : ['-s', request.shell]),
    ...(request.expires === undefined ? [] : ['-e', day(request.expires)]),
    ...(request.create_home ? ['-m'] : ['-M']),
    ...(request.create_home && request.skeleton !== undefined ? ['-k', request.skeleton] : []),
    ...(request.create_home && request.umask !== undefined ? ['-K', `UMASK=${request.umask}`] : []),
    ...(request.system ? ['-r'] : []),
  ];
  const parent = request.home?.replace(/\/+[^/]*\/*$/, '') || '/';
  return {
    changes: [`add user ${request.name}`],
    commands: [
      ...(request.create_home && request.home !== undefined
        ? [`(umask 022; ${command('mkdir', '-p', '--', parent)})`]
        : []),
      command('useradd', ...flags, '--', request.name),
      ...aging(request, undefined).commands,
    ],
    password:
      request.password === undefined
        ? undefined
        : `${request.name}:${request.password_lock ? '!' : ''}${request.password}`,
  };
}

interface Part {
  readonly flags: readonly (string | number)[];
  readonly change: string;
}

function modification(request: UserRequest, found: UserFound, user: UserEntry): UserPlan {
  const password = passwordChange(request, found.shadow);
  const parts = [
    ...plainParts(request, found, user),
    ...groupParts(request, found),
    ...expiryParts(request, found.shadow),
    ...(password === undefined ? lockParts(request, found.shadow) : []),
  ];
  const age = aging(request, found.shadow);
  const flags = parts.flatMap(p => p.flags);
  const home = request.home ?? user.home;
  const makeHome =
    request.create_home && !found.homeExists && !(request.move_home && request.home !== undefined);
  return {
    changes: [
      ...parts.map(p => `user ${request.name}: ${p.change}`),
      ...(password === undefined ? [] : [`user ${request.name}: password`]),
      ...age.changes,
      ...(makeHome ? [`make ${home}`] : []),
    ],
    commands: [
      ...(flags.length > 0 ? [command('usermod', ...flags, '--', request.name)] : []),
      ...age.commands,
      ...(makeHome ? [homeCommands(home, request)] : []),
    ],
    password,
  };
}

function plainParts(request: UserRequest, found: UserFound, user: UserEntry): Part[] {
  const primary = request.group === undefined ? undefined : known(found, request.group);
  const parts: (Part | false)[] = [
    request.uid !== undefined &&
      request.uid !== user.uid && {
        flags: ['-u', request.uid, ...(request.non_unique ? ['-o'] : [])],
        change: `number ${user.uid} → ${request.uid}`,
      },
    primary !== undefined &&
      primary.gid !== user.gid && {
        flags: ['-g', primary.gid],
        change: `group ${user.gid} → ${primary.gid}`,
      },
    request.comment !== undefined &&
      request.comment !== user.comment && {
        flags: ['-c', request.comment],
        change: `comment "${user.comment}" → "${request.comment}"`,
      },
    request.home !== undefined &&
      request.home !== user.home && {
        flags: ['-d', request.home, ...(request.move_home ? ['-m'] : [])],
        change: `home ${user.home} → ${request.home}`,
      },
    request.shell !== undefined &&
      request.shell !== user.shell && {
        flags: ['-s', request.shell],
        change: `shell ${user.shell} → ${request.shell}`,
      },
  ];
  return parts.filter((p): p is Part => p !== false);
}

function groupParts(request: UserRequest, found: UserFound): Part[] {
  if (request.groups === undefined) return [];
  const now = new Set(found.groups.filter(g => g.members.includes(request.name)).map(g => g.name));
  const wanted = new Set(request.groups.map(g => known(found, g).name));
  const missing = [...wanted].filter(g => !now.has(g));
  const surplus = request.append ? [] : [...now].filter(g => !wanted.has(g));
  if (missing.length === 0 && surplus.length === 0) return [];
  const change = `groups ${[...missing.map(g => `+${g}`), ...surplus.map(g => `-${g}`)].join(' ')}`;
  return [{ flags: [...(request.append ? ['-a'] : []), '-G', [...wanted].join(',')], change }];
}

function expiryParts(request: UserRequest, shadow: ShadowEntry | undefined): Part[] {
  if (request.expires === undefined) return [];
  const now = shadow?.expires ?? -1;
  const wanted = request.expires < 0 ? -1 : Math.floor(request.expires / DAY);
  if (now === wanted || (now < 0 && wanted < 0)) return [];
  return [
    {
      flags: ['-e', day(request.expires)],
      change: `expires ${day(now * DAY) || 'never'} → ${day(request.expires) || 'never'}`,
    },
  ];
}

const isLocked = (hash: string) => hash.startsWith('!');

function lockParts(request: UserRequest, shadow: ShadowEntry | undefined): Part[] {
  const hash = shadow?.hash ?? '';
  if (request.password_lock === true && !isLocked(hash)) return [{ flags: ['-L'], change: 'lock password' }];
  // Without a password below the lock there is nothing to unlock: usermod refuses that each time.
  if (request.password_lock === false && isLocked(hash) && !/^[!*]+$/.test(hash))
    return [{ flags: ['-U'], change: 'unlock password' }];
  return [];
}

function passwordChange(request: UserRequest, shadow: ShadowEntry | undefined): string | undefined {
  if (request.password === undefined || request.update_password !== 'always') return undefined;
  const bare = (hash: string) => hash.replace(/^!+/, '');
  if (shadow && bare(shadow.hash) === bare(request.password)) return undefined;
  return `${request.name}:${request.password_lock ? '!' : ''}${request.password}`;
}

function aging(
  request: UserRequest,
  shadow: ShadowEntry | undefined,
): Pick<UserPlan, 'changes' | 'commands'> {
  const { password_expire_min: min, password_expire_max: max, password_expire_warn: warn } = request;
  const flags = [
    ...(min !== undefined && min !== shadow?.minimum ? ['-m', min] : []),
    ...(max !== undefined && max !== shadow?.maximum ? ['-M', max] : []),
    ...(warn !== undefined && warn !== shadow?.warning ? ['-W', warn] : []),
  ];
  if (flags.length === 0) return { changes: [], commands: [] };
  return {
    changes: [`user ${request.name}: password age`],
    commands: [command('chage', ...flags, request.name)],
  };
}

/** Makes a home directory as useradd would have: the skeleton's files, the user's own, closed to others. */
function homeCommands(home: string, request: UserRequest): string {
  const skeleton = request.skeleton ?? '/etc/skel';
  const umask =
    request.umask === undefined
      ? `$(awk '$1 == "UMASK" {print $2}' /etc/login.defs 2>/dev/null)`
      : request.umask;
  return [
    `h=${command(home)}; u=${umask}; u=\${u:-022}`,
    'mkdir -p -- "$h" || exit $?',
    `[ -d ${command(skeleton)} ] && cp -R ${command(skeleton)}/. "$h"/`,
    `chown -R ${command(`${request.name}:`)} "$h" && chmod "$(printf '%o' $((0777 & ~0$u)))" "$h"`,
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
