import { statSync } from 'node:fs';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place, Sight } from '../check.ts';
import { nowhere } from '../every-database.ts';
import { expectedRules, judgeRules, type Rule } from '../hba.ts';

/** Modes that nobody but the owner, or root, may go beyond. */
interface Wanted {
  readonly path: string;
  readonly owner: string;
  /** Also right, where somebody else set the cluster up: a build in the database user's home. */
  readonly orOwner?: string;
  /** Bits that must not be set. */
  readonly never: number;
  /** A program: systemd or the guard could not start it otherwise. */
  readonly runs?: boolean;
}

const OTHERS_WRITE = 0o022;
const OTHERS = 0o077;

/** What shells and psql of the database user run by themselves. */
const PROFILES = ['.bashrc', '.bash_profile', '.bash_login', '.profile', '.bash_logout', '.psqlrc'];

function filesOf({ deployment, node }: Place): readonly Wanted[] {
  const root = (paths: readonly string[], never = OTHERS_WRITE) =>
    paths.map(path => ({ path, owner: 'root', never }));
  const common = root([
    '/etc',
    '/etc/polar',
    '/etc/systemd/system',
    '/usr/local/sbin',
    '/etc/passwd',
    '/root',
    '/root/.ssh',
    '/root/.ssh/authorized_keys',
    '/etc/cron.d',
    '/etc/crontab',
    '/etc/ssh/sshd_config',
    '/etc/sudoers',
    '/usr/local/bin',
    '/usr/bin',
    '/usr/sbin',
  ]);
  const secrets = [{ path: '/etc/shadow', owner: 'root', never: 0o037 }];
  if (!node) {
    const { configFile, authFile, service = '-' } = deployment.storage;
    const folder = deployment.recordFile.replace(/\/[^/]*$/, '');
    const own = [
      configFile,
      ...(authFile ? [authFile] : []),
      `/etc/systemd/system/${service}`,
      '/usr/bin/nbd-server',
    ];
    return [...common, ...secrets, ...root([...own, folder, deployment.recordFile])];
  }
  const user = (paths: readonly string[], never: number) =>
    paths.map(path => ({ path, owner: node.sql.osUser, never }));
  const files = [
    'postgresql.conf',
    'pg_hba.conf',
    'pg_ident.conf',
    'postgresql.auto.conf',
    'polar.sync.conf',
  ];
  return [
    ...common,
    ...secrets,
    ...root([...(deployment.files.get(node.host)?.keys() ?? []), '/etc/polar/nbd', node.bin]).map(file => ({
      ...file,
      ...(deployment.guarded ? {} : { orOwner: node.sql.osUser }),
      runs: file.path.startsWith('/usr/local/sbin/'),
    })),
    ...['postgres', 'psql', 'pg_basebackup'].map(name => ({
      path: `${node.bin}/${name}`,
      owner: 'root',
      ...(deployment.guarded ? {} : { orOwner: node.sql.osUser }),
      never: OTHERS_WRITE,
      runs: true,
    })),
    ...user([node.data], 0o027),
    ...user(
      files.map(name => `${node.data}/${name}`),
      0o027,
    ),
    ...user([`${node.home}/.pgpass`], OTHERS),
    ...user(
      ['', ...PROFILES.map(name => `/${name}`)].map(name => `${node.home}${name}`),
      OTHERS_WRITE,
    ).map(file => ({ ...file, orOwner: 'root' })),
  ];
}

/** Who gets in, and what lies open. */
export const securityChecks: readonly Check[] = [
  {
    id: 'security.hba',
    title: 'pg_hba.conf lets in whom the inventory says, and asks everybody for a password',
    proves:
      'Judged by what the rules let in: nobody without a password or with one in clear text, no whole network for replication, nobody beyond the rules of the inventory, and none of its rules is missing.',
    expects: 'the rules of the inventory',
    todo: 'Put rules that you want into polardb_hba and run site.yml, which writes the file anew on every node and reloads it.',
    severity: 'danger',
    on: 'nodes',
    sql: {
      rules:
        'SELECT line_number AS line, type, database AS databases, user_name AS users, address, netmask, auth_method AS method, options, error FROM pg_hba_file_rules ORDER BY line_number',
    },
    judge: at => {
      for (const { expected, found } of judgeRules(
        at.rows<Rule>('rules'),
        expectedRules(at.deployment, at.node!.sql.user),
        at.deployment.guarded,
      ))
        at.check(false, expected, found);
    },
  },
  {
    id: 'security.loaded',
    title: 'the server has read pg_hba.conf as it is now',
    proves:
      'Neither pg_hba.conf nor pg_ident.conf was changed after the last reload: the rules that security.hba judges are those in force.',
    expects: 'files that are older than the last reload',
    todo: 'SELECT pg_reload_conf(), after you know who changed the file.',
    severity: 'warning',
    on: 'nodes',
    sql: {
      loaded:
        "SELECT f.name, extract(epoch FROM (pg_stat_file(f.name)).modification - pg_conf_load_time())::int AS later FROM unnest(ARRAY[current_setting('hba_file'), current_setting('ident_file')]) AS f(name)",
    },
    judge: at => {
      for (const { name, later } of at.rows<{ name: string; later: number }>('loaded'))
        at.check(later <= 0, `${name} is in force`, `it was changed ${later} s after the last reload`);
    },
  },
  {
    id: 'security.password',
    title: 'a wrong password is refused',
    proves:
      'The running server, asked over TCP from here, does not let in the database user with a wrong password.',
    expects: 'refused',
    todo: 'A rule that trusts comes before the others: see security.hba. If pg_hba.conf is right already, reload it (SELECT pg_reload_conf()).',
    severity: 'danger',
    on: 'nodes',
    needs: ['database.login'],
    act: async doing => {
      await Promise.all(
        doing.hosts.map(async host => {
          const session = await doing.databases
            .direct(host, `wrong on purpose ${doing.runId}`)
            .catch(() => undefined);
          await session?.close();
          doing.check(host, session === undefined, 'refused', 'let in with a wrong password');
        }),
      );
    },
  },
  {
    id: 'security.roles',
    title: 'nobody but the database user is superuser, and passwords are kept as they should be',
    proves:
      'No other role is superuser or a member of one, may replicate, bypasses row security, reaches files of the server or writes to every table by a role of PostgreSQL’s own, or makes roles (before version 16 it may grant itself nearly everything), and no role that may log in has an md5 password where the inventory says scram-sha-256.',
    expects: 'one superuser; scram passwords',
    todo: 'ALTER ROLE … NOSUPERUSER; REVOKE pg_execute_server_program …; set an md5 password anew (\\password). A role that needs the right: name it in verify_superusers.',
    severity: 'warning',
    on: 'primary',
    sql: {
      roles:
        "SELECT rolname AS name, rolsuper AS super, rolreplication AS replication, rolbypassrls AS bypass, rolcreaterole AS makes, current_setting('server_version_num')::int < 160000 AS makes_all, rolcanlogin AS login, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram' WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'clear' END AS kept, ARRAY(SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = a.oid AND (r.rolsuper OR r.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program'))) AS reaches FROM pg_authid a WHERE rolname !~ '^pg_'",
    },
    judge: judgeRoles,
  },
  {
    id: 'security.public',
    title: 'everybody may do no more than initdb grants, in any database',
    proves:
      'PUBLIC has no right on a function or table of the system that initdb keeps from it (such as pg_read_file or pg_authid), may not create objects where others look for theirs, may set no setting of superusers, and finds no way to become superuser: an untrusted language declared trusted, or a function with the rights of a superuser (SECURITY DEFINER) that runs whatever its caller’s search_path offers.',
    expects: 'no such right',
    todo: 'REVOKE the right FROM PUBLIC. A function: ALTER FUNCTION … SET search_path = pg_catalog, pg_temp, or REVOKE EXECUTE ON FUNCTION … FROM PUBLIC. A database that comes from before version 15: REVOKE CREATE ON SCHEMA public FROM PUBLIC, after you know that no application makes tables there.',
    severity: 'warning',
    ...nowhere('open', 'no right beyond those of initdb', '; '),
  },
  {
    id: 'security.files',
    title: 'configuration, programs and data belong to whom they should, and nobody else may change them',
    proves:
      'The data directory, password file, units, scripts, lists of clients and the role record have safe owners and modes: a file that another user can write makes that user root, or a writer.',
    expects: 'the owner and mode of each file',
    todo: 'Run site.yml, which sets them again; `chown` and `chmod` what it does not manage.',
    severity: 'danger',
    on: 'all',
    asks: place => ({
      stat: `stat -L -c '%n|%U|%a' ${[...filesOf(place)].map(file => shellWord(file.path)).join(' ')} 2>/dev/null; :`,
      // Programs and libraries: one that another user may change, or that gives its owner's rights to who runs it.
      loose: place.node
        ? `cd ${shellWord(place.node.bin)} && find . ../lib ../share -maxdepth 3 ! -type l '(' -perm /022 -o -type f -perm /6000 ')' 2>/dev/null | head -n 5; :`
        : ':',
      // A program with the rights of its owner where no package puts one.
      setuid: `find ${['/usr/local/bin', '/usr/local/sbin', '/usr/local/lib', '/tmp', '/var/tmp', '/dev/shm', ...(place.node ? [place.node.home] : [])].map(shellWord).join(' ')} -maxdepth 2 -type f -perm /6000 2>/dev/null | head -n 5; :`,
      // Where everybody may write, and what everybody must be able to.
      tmp: "stat -c '%a' /tmp /var/tmp /dev/shm /dev/null",
      // The guard, which is root, keeps what it has seen there.
      strangers: place.node
        ? `find ${shellWord(place.node.data)} -maxdepth 2 ! -user ${shellWord(place.node.sql.osUser)} ! -name 'polar.seen*' | head -n 5`
        : ':',
    }),
    judge: at => {
      const found = new Map(
        at
          .out('stat')
          .split('\n')
          .map(line => [line.split('|')[0]!, line.split('|')]),
      );
      for (const { path, owner, orOwner, never, runs: executable } of filesOf(at)) {
        const [, user = '', mode = '0'] = found.get(path) ?? [];
        // One that is missing is the business of other checks, but for the password file.
        const needed = at.deployment.guarded && path.endsWith('/.pgpass');
        at.check(user !== '' || !needed, `${path} is there`, 'it is missing');
        if (user === '') continue;
        at.check(user === owner || user === orOwner, `${path} belongs to ${owner}`, user);
        const beyond = Number.parseInt(mode, 8) & never;
        at.check(beyond === 0, `${path} without mode bits ${never.toString(8)}`, `mode ${mode}`);
        const runs = (Number.parseInt(mode, 8) & 0o111) !== 0;
        at.check(runs || !executable, `${path} can be run`, `mode ${mode}, which nobody may run`);
      }
      const loose = at.out('loose').split('\n').filter(Boolean);
      at.check(
        loose.length === 0,
        'programs and libraries that nobody else may change, none setuid',
        `${at.node?.bin}: ${loose.join(', ')}`,
      );
      const setuid = at.out('setuid').split('\n').filter(Boolean);
      at.check(setuid.length === 0, 'no setuid program outside of packages', setuid.join(', '));
      const strangers = at.out('strangers').split('\n').filter(Boolean);
      at.check(
        strangers.length === 0,
        'a data directory that is all the database user’s',
        strangers.join(', '),
      );
      const [tmp = '', ...others] = at.out('tmp').split('\n');
      at.check(tmp === '1777', '/tmp has mode 1777', tmp);
      at.check(
        others.join(' ') === '1777 1777 666',
        '/var/tmp and /dev/shm with mode 1777, /dev/null with 666',
        others.join(', '),
      );
    },
  },
  {
    id: 'security.accounts',
    title: 'nobody else is root, and the database user is nobody special',
    proves:
      'Only root has user id 0, no account has an empty password, and the database user logs in by no password and no key, and may neither become root nor write to disks by its groups.',
    expects: 'one root, no empty password, no login and no rights of the database user',
    todo: 'Remove the account, the line of sudoers or the membership in the group; `passwd -l` locks a password.',
    severity: 'danger',
    on: 'all',
    asks: ({ deployment }) => {
      const user = shellWord(deployment.primary.sql.osUser);
      return {
        roots: "awk -F: '$3 == 0 { print $1 }' /etc/passwd",
        empty: 'awk -F: \'$2 == "" { print $1 }\' /etc/shadow',
        keys: `h=$(getent passwd ${user} | cut -d : -f 6); [ -z "$h" ] || cat "$h/.ssh/authorized_keys" "$h/.ssh/authorized_keys2" 2>/dev/null | grep -cE '^[^#]'; :`,
        // Whether there is one, never what it is.
        password: `case $(getent shadow ${user} | cut -d : -f 2) in '' | '!'* | '*'*) ;; *) echo yes ;; esac`,
        groups: `id -nG ${user} 2>/dev/null; :`,
        sudo: `grep -rhsE '^[[:space:]]*(%?'${user}'|ALL)[[:space:]]' /etc/sudoers /etc/sudoers.d; :`,
      };
    },
    judge: at => {
      const roots = at
        .out('roots')
        .split('\n')
        .filter(name => name !== '' && name !== 'root');
      at.check(roots.length === 0, 'user id 0 for root only', roots.join(', '));
      const empty = at.out('empty').split('\n').filter(Boolean);
      at.check(empty.length === 0, 'no empty password', empty.join(', '));
      const groups = at
        .out('groups')
        .split(/\s+/)
        .filter(name => /^(root|sudo|wheel|admin|disk|docker|lxd|shadow)$/.test(name));
      at.check(groups.length === 0, 'the database user in no group with rights', groups.join(', '));
      at.check(
        at.out('password') === '' || !at.deployment.guarded,
        'nobody logs in as the database user by a password',
        'it has one',
      );
      const keys = at.out('keys').trim();
      at.check(
        ['', '0'].includes(keys) || !at.deployment.guarded,
        'nobody logs in as the database user by a key',
        `${keys} keys in its authorized_keys`,
      );
      const sudo = at.out('sudo').trim();
      at.check(sudo === '', 'no line of sudoers for the database user', sudo);
    },
  },
  {
    id: 'security.credentials',
    title: 'the passwords beside the inventory are for nobody else to read',
    proves: 'The file that keeps the password of the database on this machine has mode 0600.',
    expects: 'mode 0600',
    todo: '`chmod 600` the file.',
    severity: 'warning',
    on: 'primary',
    act: async ({ deployment, hosts, check, skip }) => {
      const { passwordFile } = deployment;
      const mode =
        passwordFile === undefined ? undefined : statSync(passwordFile, { throwIfNoEntry: false })?.mode;
      if (mode === undefined) return skip('the password is not kept in a file beside the inventory');
      check(
        hosts[0]!,
        (mode & OTHERS) === 0,
        `${passwordFile} with mode 0600`,
        `mode 0${(mode & 0o777).toString(8)}`,
      );
    },
  },
];

function judgeRoles(at: Sight): void {
  const user = at.node?.sql.user ?? '';
  const allowed = [user, ...at.deployment.superusers];
  const { access, unsaid } = at.deployment;
  const scram = access.method === 'scram-sha-256' && !unsaid.has('polardb_hba_method');
  for (const role of at.rows<{
    name: string;
    super: boolean;
    replication: boolean;
    bypass: boolean;
    makes: boolean;
    makes_all: boolean;
    login: boolean;
    kept: string;
    reaches: readonly string[];
  }>('roles')) {
    const known = allowed.includes(role.name);
    at.check(known || !role.super, `${role.name} is not a superuser`, 'it is');
    at.check(known || !role.replication, `${role.name} may not replicate`, 'it may');
    at.check(known || !role.bypass, `${role.name} does not bypass row security`, 'it does');
    at.check(
      known || role.reaches.length === 0,
      `${role.name} is no member of a role with far-reaching rights`,
      role.reaches.join(', '),
    );
    at.check(known || !(role.makes && role.makes_all), `${role.name} makes no roles`, 'CREATEROLE');
    const weak = role.login && (role.kept === 'clear' || (scram && role.kept === 'md5'));
    at.check(!weak, `the password of ${role.name} is kept as scram-sha-256`, role.kept);
  }
  const own = at.rows<{ name: string; kept: string }>('roles').find(({ name }) => name === user);
  at.check(own === undefined || own.kept !== 'none', `${user} has a password`, 'it has none');
}
