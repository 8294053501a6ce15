import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place } from '../check.ts';

/** The folder that holds bin, lib and share of the server. */
const folder = ({ node }: Place) => shellWord((node?.bin ?? '').replace(/\/bin\/?$/, ''));
const program = ({ node }: Place, name: string) => shellWord(`${node?.bin}/${name}`);
const isStandIn = ({ database }: { readonly database: string }) =>
  database === 'polardb' ? undefined : 'the stand-in is the distribution’s build';

/** Part of the server, in a package of its own. */
const LIBPQ = [
  '/usr/lib/x86_64-linux-gnu/libpq.so.5',
  '/usr/lib/aarch64-linux-gnu/libpq.so.5',
  '/usr/lib64/libpq.so.5',
];

/** Programs whose packages are looked at; a build of one's own belongs to none. */
const packagedPrograms = ({ node }: Place) =>
  node
    ? [`${node.bin}/postgres`, `${node.bin}/psql`, '/usr/bin/nbdfuse', '/usr/sbin/nbd-client', ...LIBPQ]
    : ['/usr/bin/nbd-server'];

/** Variables that decide what a program loads, and how a server starts. */
const FORCING = '^(LD_|PGOPTIONS|PGDATA|PGPORT|PGHOST)';

/** The programs: one and the same on every node, complete, and fit for work. */
export const buildChecks: readonly Check[] = [
  {
    id: 'build.same',
    title: 'all nodes have the same programs and libraries',
    proves:
      'The server, its tools and its libraries, and the rules of time zones that it takes from the system, are the same on every node, byte by byte: whichever node becomes the primary, the same program writes the data.',
    expects: 'the same hash for each file',
    todo: 'Run site.yml, which installs the same build everywhere, then rolling_restart.yml. With packages of the distribution: install the same version on all nodes.',
    severity: 'fault',
    on: 'nodes',
    asks: place => ({
      // Debian's packages keep what others have below share in a place of its own.
      hashes: `cd ${folder(place)} && { find -L bin lib $(ls -d share 2>/dev/null) -type f ! -name '*.pyc' -print0; s=$(bin/pg_config --sharedir 2>/dev/null); case $s in "$PWD"/* | '') ;; *) find "$s" -type f -print0 ;; esac; } | sort -z | xargs -0 sha256sum; t=$(bin/pg_config --configure 2>/dev/null | sed -n "s/.*--with-system-tzdata=\\([^' ]*\\).*/\\1/p"); [ ! -d "$t" ] || { cd "$t" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | sed "s,-$,$t,"; }`,
    }),
    across: all => {
      const files = new Map(
        all.hosts.map(at => [
          at.host,
          new Map(
            at
              .out('hashes')
              .split('\n')
              .map(line => [line.slice(66), line.slice(0, 12)]),
          ),
        ]),
      );
      const names = new Set([...files.values()].flatMap(known => [...known.keys()]));
      const differing = [...names].filter(
        name => new Set([...files.values()].map(known => known.get(name))).size > 1,
      );
      for (const name of differing.slice(0, 3))
        all.same(name, new Map([...files].map(([host, known]) => [host, known.get(name) ?? 'missing'])));
    },
  },
  {
    id: 'build.libraries',
    title: 'the programs find their libraries',
    proves:
      'Nothing that the server or its tools load is missing, and no variable or file makes them load something else: what is wrong with a library shows at the next start only.',
    expects: 'every library is found, and no other',
    todo: 'Install the package that brings the library; for a build of your own run ldconfig.',
    severity: 'fault',
    on: 'nodes',
    asks: place => ({
      environment: `systemctl show-environment 2>/dev/null | grep -E '${FORCING}'; grep -sE '^[^#]*${FORCING.slice(1)}' /etc/environment /etc/systemd/system.conf /etc/systemd/system.conf.d/*.conf; p=$(head -n 1 ${shellWord(`${place.node?.data}/postmaster.pid`)} 2>/dev/null) && tr '\\0' '\\n' <"/proc/$p/environ" 2>/dev/null | grep -E '^LD_'; :`,
      preload: 'cat /etc/ld.so.preload 2>/dev/null; :',
      places: `cd ${folder(place)} && ldd bin/postgres bin/psql 2>/dev/null | grep -oE '=> /[^ ]+' | cut -c 4- | sort -u | grep -vE "^((/usr)?/lib(64|32)?|/usr/local/(lib(64)?|polarstore)|$PWD|$(pwd -P))/"; :`,
      ldd: `cd ${folder(place)} && ldd bin/postgres bin/psql bin/pg_basebackup $(find -L lib -name 'libpqwalreceiver.so' -o -name 'polar_vfs.so') 2>&1 | grep -E 'not found|No such file|not a dynamic' | sort -u; :`,
    }),
    judge: at => {
      const missing = at.out('ldd').trim();
      at.check(missing === '', 'every library is found', missing.replaceAll(/\s+/g, ' '));
      const places = at.out('places').split('\n').filter(Boolean);
      at.check(
        places.length === 0 || !at.deployment.guarded,
        'libraries of the system and of the build',
        places.join(', '),
      );
      const forced = at.out('preload').trim();
      at.check(forced === '', 'nothing is loaded into every program', `/etc/ld.so.preload: ${forced}`);
      const said = at.out('environment').trim().replaceAll('\n', ', ');
      at.check(
        said === '' || !at.deployment.guarded,
        'no variable that makes programs load something else, or the server start otherwise',
        said,
      );
    },
  },
  {
    id: 'build.package',
    title: 'the programs are those of their packages',
    proves:
      'Where the package manager installed the server and the tools of the disks, their files are as it brought them: a program that was replaced on every node in the same way shows only here.',
    expects: 'no file that differs from its package',
    todo: 'Install the package anew (`apt-get install --reinstall PACKAGE`, `dnf reinstall PACKAGE`), then rolling_restart.yml.',
    severity: 'fault',
    on: 'all',
    asks: place => ({
      // Packages from before /usr was merged name their programs below /bin and /sbin.
      changed: `set --; for f in ${packagedPrograms(place).map(shellWord).join(' ')}; do [ ! -e "$f" ] || set -- "$@" "$f" "\${f#/usr}"; done; { if command -v dpkg >/dev/null; then dpkg -S "$@" 2>/dev/null | sed 's/: .*//'; elif command -v rpm >/dev/null; then rpm -qf "$@" 2>/dev/null | grep -v ' '; fi; } | sort -u | while read -r p; do { dpkg -V "$p" || rpm -V "$p"; } 2>/dev/null | grep -vE ' c |^missing .*/(doc|man|locale)/'; done; :`,
    }),
    judge: at => {
      const changed = at.out('changed').split('\n').filter(Boolean);
      at.check(changed.length === 0, 'files as the packages bring them', changed.slice(0, 5).join('; '));
    },
  },
  {
    id: 'build.running',
    title: 'the running server is the installed one',
    proves: 'The server was started from the program that is installed now: no update waits for a restart.',
    expects: 'the installed program runs',
    todo: 'rolling_restart.yml restarts the nodes one by one, the primary last.',
    severity: 'warning',
    on: 'nodes',
    needs: ['services.active'],
    asks: place => ({
      running: `readlink "/proc/$(head -n 1 ${shellWord(`${place.node?.data}/postmaster.pid`)})/exe"; readlink -f ${program(place, 'postgres')}; ${program(place, 'postgres')} --version`,
    }),
    sql: { version: "SELECT current_setting('server_version') AS version" },
    judge: at => {
      const [running = '', installed = '', version = ''] = at.out('running').split('\n');
      at.check(running === installed, `${installed} runs`, running);
      const served = at.row<{ version: string }>('version').version;
      at.check(version.includes(` ${served}`), `version ${served}, which runs, is installed`, version);
    },
  },
  {
    id: 'build.version',
    title: 'every node runs the version of the inventory',
    proves: 'The servers say the same version, the major version and product of the inventory.',
    expects: 'the version of the inventory on all nodes',
    todo: 'Correct polardb_version, or upgrade the node that differs (upgrade.yml).',
    severity: 'fault',
    on: 'nodes',
    sql: { version: 'SELECT version()' },
    across: all => {
      const { version, database } = all.deployment;
      const versions = new Map(
        all.hosts.map(at => [at.host, at.row<{ version: string }>('version').version]),
      );
      all.same('the version', versions);
      for (const [host, text] of versions) {
        const right = text.startsWith(`PostgreSQL ${version}.`) || text.startsWith(`PostgreSQL ${version} `);
        all.check(host, right, `PostgreSQL ${version}`, text);
        all.check(host, database !== 'polardb' || /polardb/i.test(text), 'PolarDB', text);
      }
      all.note({ name: 'version', value: [...versions.values()][0]!.split(' on ')[0]! });
    },
  },
  {
    id: 'build.assertions',
    title: 'the servers are not debug builds',
    proves:
      'The build has no assertions: with them it is several times slower, and stops where others go on.',
    expects: 'debug_assertions is off',
    todo: 'Build without --enable-cassert; build.sh of PolarDB 15 needs --debug=off.',
    severity: 'fault',
    on: 'nodes',
    sql: { assertions: "SELECT current_setting('debug_assertions') AS value" },
    judge: at => {
      const { value } = at.row<{ value: string }>('assertions');
      at.check(value === 'off', 'debug_assertions is off', value);
    },
  },
  {
    id: 'build.options',
    title: 'PolarDB is built for PFS',
    proves:
      'The build has --with-pfsd and no --enable-cassert: without PFS the server cannot open the shared disk.',
    expects: '--with-pfsd, no --enable-cassert',
    todo: 'Build with the role polardb_build, or give configure --with-pfsd.',
    severity: 'fault',
    on: 'nodes',
    skip: isStandIn,
    asks: place => ({ options: `${program(place, 'pg_config')} --configure` }),
    judge: at => {
      const options = at.out('options');
      at.check(options.includes('--with-pfsd'), '--with-pfsd', options);
      at.check(!options.includes('--enable-cassert'), 'no --enable-cassert', options);
    },
  },
];
