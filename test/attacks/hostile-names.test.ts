import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { allModules, findModule } from '../../lib/engine/module-list.ts';
import type { Result } from '../../lib/modules/kit/define.ts';
import { bytesOf } from '../../lib/source/bytes.ts';
import type { Json } from '../../lib/source/value.ts';
import { ON_A_COPY } from '../check-mode/on-a-copy.ts';
import { runModule, type TestOptions } from '../support/run-module.ts';
import { type ScratchSystem, scratchSystem } from '../support/scratch-system.ts';

/** Every mark that replies had once, what programs print, options, wildcards, and a byte that is no UTF-8. */
const MARKS = [
  '-rf',
  '\n== path ==\n',
  '\n== source ==\n',
  '\u001epath x',
  '\u0001polarplay errno 2',
  '\nstat 81a4|0|0|1|1|1|1|1|1|1|root|root\n',
  '\nbackup x',
  'r-0123456789abcdef-path\n',
  '\udcff\udc80',
];
const WORST = `${MARKS.join('')}|'"\`id\`; *[a]?\\n`;
/** All of them in one path: a directory of that name, and in it one with the longest name there is. */
const HOSTILE = `/srv/hostile/${WORST}/${'x'.repeat(255)}`;
const PLAIN = '/srv/hostile/plain';

/** Modules that take no path of a tree that could be named like that, and why. */
const NO_PATH: Readonly<Record<string, string>> = {
  acl: 'getfacl and setfacl have their own spelling of names',
  alternatives: 'update-alternatives takes no name with a line break',
  fetch: 'on-a-lab-host.test.ts fetches such names over a real connection',
};
const words = (text: string) => text.trim().split(/\s+/);
/** Tried below by themselves. */
const HERE = words('find get_url git_config script slurp stat synchronize tempfile template uri wait_for');
/** Their paths are those of programs that may refuse such a name: nothing may happen anywhere else. */
const MAY_REFUSE: Readonly<Record<string, Record<string, Json>>> = {
  apt: { deb: '~t/f' },
  apt_key: { file: '~t/f', keyring: '~t/k.gpg' },
  cron: { name: 'n', job: 'true', cron_file: '~t/f' },
  docker_image: { name: 'a', source: 'load', load_path: '~t/f' },
  mount: { path: '~t/m', src: 'tmpfs', fstype: 'tmpfs', state: 'mounted', fstab: '~t/fstab' },
  mysql_db: { name: 'a', state: 'dump', target: '~t/f', ca_cert: '~t/f' },
  mysql_query: { query: 'select 1', client_cert: '~t/f', client_key: '~t/f' },
  mysql_user: { name: 'a', config_file: '~t/f' },
  npm: { name: 'a', path: '~t', executable: '~t/f' },
  package: { name: [], deb: '~t/f' },
  pip: { requirements: '~t/f', virtualenv: '~t/v', chdir: '~t', virtualenv_command: '/bin/false' },
  postgresql_db: { name: 'a', state: 'dump', target: '~t/f', port: 1 },
  postgresql_ext: { name: 'a', db: 'a', ssl_cert: '~t/f', port: 1 },
  postgresql_ping: { ssl_cert: '~t/f', ssl_key: '~t/f', port: 1 },
  postgresql_privs: { database: 'a', roles: 'a', type: 'database', privs: 'ALL', ssl_cert: '~t/f', port: 1 },
  postgresql_query: { query: 'select 1', ssl_cert: '~t/f', port: 1 },
  postgresql_user: { name: 'a', ssl_cert: '~t/f', port: 1 },
  raw: { cmd: 'true', executable: '~t/f' },
  selinux: { configfile: '~t/f', state: 'disabled' },
  setup: { fact_path: '~t', gather_subset: ['!all'] },
  user: { name: 'pphostile', home: '~t/h', ssh_key_file: '~t/k', generate_ssh_key: true },
  yum_repository: { name: 'a', description: 'a', baseurl: 'http://a/', reposdir: '~t' },
};
/** Takes no path at all, as its schema says: names of packages, users, devices and the like. */
const takesPaths = (module: { readonly args: { readonly properties: object } }) =>
  Object.values(module.args.properties).some(schema => schema['x-kind'] === 'path');
const NAMES_ONLY = allModules()
  .filter(module => module.kind !== 'control' && !takesPaths(module))
  .map(module => module.name);

describe('attacks: names and contents that look like something else', function () {
  this.timeout(120_000);
  let copy: ScratchSystem;
  before(async function () {
    copy = await scratchSystem(this);
  });
  after(() => copy?.end());

  const shown = (script: string, input = ''): string => {
    const [program = '', ...rest] = copy.enter;
    return spawnSync(program, [...rest, 'sh', '-c', script], { input: bytesOf(input) }).stdout.toString(
      'latin1',
    );
  };
  const run = (name: string, args: Record<string, Json>, options: TestOptions = {}): Promise<Result> =>
    runModule(findModule(name)!, args, { enter: copy.enter, diffMode: true, ...options });
  /** Runs a script whose `$1` is a name: it travels as input, for an argument would be made UTF-8. */
  const withName = (name: string, script: string) =>
    shown(`n=$(cat; echo .); n=\${n%.}; set -- "$n"; ${script}`, name);
  const tree = (dir: string) =>
    withName(
      dir,
      `cd "$1" && find . ! -name '*.tmp' ! -name '*~' ! -path '*/.git/objects/*' -printf '%P %y %m %u %l\\n' | sort`,
    );

  const scenarios = Object.entries(ON_A_COPY).filter(
    ([name, { args }]) =>
      JSON.stringify(args).includes('~t') && !NAMES_ONLY.includes(name) && !(name in NO_PATH),
  );

  it('every module is tried with them, or says why not', () => {
    const told = new Set([
      ...scenarios.map(([name]) => name),
      ...Object.keys(NO_PATH),
      ...NAMES_ONLY,
      ...Object.keys(MAY_REFUSE),
    ]);
    const left = allModules()
      .filter(module => module.kind !== 'control' && !/^(polardb|pfs|nbd)_?/.test(module.name))
      .map(module => module.name)
      .filter(name => !told.has(name) && !HERE.includes(name));
    expect(left).to.deep.equal([]);
  });

  for (const [name, scenario] of scenarios.filter(([one]) => !HERE.includes(one) && !(one in MAY_REFUSE))) {
    it(`${name} does in such a directory what it does in a plain one`, async function () {
      const missing = (scenario.needs ?? []).find(program => shown(`command -v ${program}`) === '');
      if (missing !== undefined) {
        console.log(`      skipped: runs where ${missing} can be found`);
        this.skip();
      }
      const outcome = async (dir: string) => {
        copy.run(`rm -rf /srv/hostile; mkdir -p ${PLAIN}; echo untouched >/srv/hostile/beside; cd ${PLAIN}
          ${(scenario.setup ?? ':').replaceAll('~t', PLAIN)}`);
        withName(dir, `[ "$1" = ${PLAIN} ] || { mkdir -p -- "\${1%/*}" && mv ${PLAIN} "$1"; }`);
        const wanted = JSON.stringify(scenario.args).replaceAll('~t', JSON.stringify(dir).slice(1, -1));
        const result = await run(name, JSON.parse(wanted) as Record<string, Json>);
        const beside = shown(
          'cat /srv/hostile/beside; find /srv/hostile -maxdepth 1 -printf .; ls -A / | sort',
        );
        return { failed: result.failed, msg: result.failed && result.msg, tree: tree(dir), beside };
      };
      const plain = await outcome(PLAIN);
      const hostile = await outcome(HOSTILE);
      expect(hostile.msg).to.equal(undefined);
      expect(hostile).to.deep.equal(plain);
    });
  }

  it('template, tempfile, wait_for, git_config and slurp take such a path', async () => {
    const text = readFileSync('package.json', 'latin1');
    for (const shell of ['dash', 'busybox'] as const) {
      copy.run('rm -rf /srv/hostile; mkdir -p /srv/hostile');
      withName(HOSTILE, 'mkdir -p -- "$1"');
      const path = `${HOSTILE}/t`;
      const made = await run('template', { src: 'package.json', dest: path }, { shell });
      expect([made.failed, made.dest], String(made.msg)).to.deep.equal([undefined, path]);
      expect(withName(path, 'cat "$1"')).to.equal(text);
      const again = await run('template', { src: 'package.json', dest: path, mode: '0600' }, { shell });
      expect([again.changed, again.dest]).to.deep.equal([true, path]);
      const waited = await run('wait_for', { path, search_regex: '"name"', timeout: 20 }, { shell });
      expect([waited.failed, waited.path], String(waited.msg)).to.deep.equal([undefined, path]);
      const temporary = await run('tempfile', { path: HOSTILE, prefix: '-x' }, { shell });
      expect(temporary.failed, String(temporary.msg)).to.equal(undefined);
      expect(String(temporary.path).startsWith(`${HOSTILE}/-x`)).to.equal(true);
      const read = await run('slurp', { src: path }, { shell });
      expect(Buffer.from(String(read.content), 'base64').toString('latin1')).to.equal(text);
    }
    const file = `${HOSTILE}/config`;
    const set = await run('git_config', { scope: 'file', file, name: 'a.b', value: WORST });
    expect(set.failed, String(set.msg)).to.equal(undefined);
    const got = await run('git_config', { scope: 'file', file, name: 'a.b', value: WORST });
    expect([got.failed, got.changed], String(got.msg)).to.deep.equal([undefined, false]);
    expect(shown('find /srv/hostile -maxdepth 1 -printf .')).to.equal('..');
  });

  it('get_url, uri, synchronize and script take such a path', async () => {
    const path = `${HOSTILE}/t`;
    for (const shell of ['dash', 'busybox'] as const) {
      copy.run('rm -rf /srv/hostile; mkdir -p /srv/hostile; printf page >/srv/hostile/page');
      withName(HOSTILE, 'mkdir -p -- "$1"');
      const done = async (name: string, args: Record<string, Json>) => {
        const result = await run(name, args, { shell });
        expect([name, result.failed], String(result.msg)).to.deep.equal([name, undefined]);
        return result;
      };
      const served = { url: 'file:///srv/hostile/page' };
      // busybox has no curl, and its wget no files.
      if (shell === 'dash') {
        expect((await done('get_url', { ...served, dest: path })).dest).to.equal(path);
        expect((await done('get_url', { ...served, dest: HOSTILE })).dest).to.equal(`${HOSTILE}/page`);
        expect((await done('uri', { ...served, dest: `${path}u` }))['path']).to.equal(`${path}u`);
        await done('uri', { ...served, src: path, remote_src: true });
        await done('synchronize', { src: `${HOSTILE}/`, dest: `${path}s`, rsync_opts: ['--exclude=*s'] });
        expect(withName(`${path}s/page`, 'cat "$1"')).to.equal('page');
      } else withName(path, 'printf page >"$1"');
      expect(withName(path, 'cat "$1"')).to.equal('page');
      await done('script', {
        cmd: 'package.json',
        executable: '/bin/true',
        chdir: HOSTILE,
        creates: `${path}c`,
      });
    }
  });

  for (const [name, args] of Object.entries(MAY_REFUSE))
    it(`${name} takes such a path, or fails and leaves all else alone`, async () => {
      const state = () => {
        copy.run('rm -rf /srv/hostile; userdel pphostile 2>/dev/null || :');
        return copy
          .state()
          .filter(line => !/^\.\/(etc\/(passwd|shadow|group|gshadow|sub[ug]id)-? |srv )/.test(line));
      };
      const before = state();
      const dir = HOSTILE.slice(0, HOSTILE.lastIndexOf('/'));
      withName(dir, 'mkdir -p -- "$1" && printf "[a]\nb=c\n" >"$1/f" && chmod 755 "$1/f"');
      const wanted = JSON.stringify(args).replaceAll('~t', JSON.stringify(dir).slice(1, -1));
      await run(name, JSON.parse(wanted) as Record<string, Json>);
      expect(state()).to.deep.equal(before);
    });

  it('find, slurp, stat and recurse know each entry by its own bytes', async () => {
    const names = [...MARKS, WORST, '-x', '\n', 'a\n', ' ', '*', '\udcfe', '数据', 'x'.repeat(255)];
    copy.run(`rm -rf /srv/hostile; mkdir -p ${PLAIN}`);
    for (const name of names)
      withName(`${PLAIN}/${name}`, 'printf %s "$1" >"$1"; ln -s "$1" "$1.l" 2>/dev/null');
    for (const shell of ['dash', 'busybox'] as const) {
      const found = await run('find', { paths: PLAIN, get_checksum: true, hidden: true }, { shell });
      const files = found.files as { path: string; checksum: string }[];
      expect(files.map(file => file.path).sort()).to.deep.equal(names.map(name => `${PLAIN}/${name}`).sort());
      for (const { path, checksum } of shell === 'dash' ? files : []) {
        expect(withName(path, 'sha1sum <"$1"')).to.include(checksum);
        const read = await run('slurp', { src: path }, { shell });
        expect(Buffer.from(String(read.content), 'base64')).to.deep.equal(bytesOf(path));
        const { stat } = (await run('stat', { path }, { shell })) as unknown as {
          stat: Record<string, Json>;
        };
        expect([stat['path'], stat['isreg'], stat['size']]).to.deep.equal([path, true, bytesOf(path).length]);
      }
      const links = await run('find', { paths: PLAIN, file_type: 'link' }, { shell });
      for (const { path } of (links.files as { path: string }[]).slice(0, shell === 'dash' ? 20 : 3)) {
        const { stat } = (await run('stat', { path }, { shell })) as unknown as {
          stat: Record<string, Json>;
        };
        expect(stat['lnk_target']).to.equal(path.slice(0, -2));
      }
      const owner = shell === 'dash' ? 'games' : 'daemon';
      await run(
        'file',
        { path: PLAIN, state: 'directory', recurse: true, owner, mode: 'u=rwX,go=' },
        { shell },
      );
      expect(
        shown(`find ${PLAIN} ! -user ${owner} | wc -l; find ${PLAIN} ! -type l -perm /077 | wc -l`),
      ).to.equal('0\n0\n');
      expect(shown('stat -c %U /etc/passwd /')).to.equal('root\nroot\n');
    }
  });

  it('a text that ends up in a message or a table is no command and no line of its own', async () => {
    const command = '/srv/$(touch /srv/took-over)`touch /srv/took-over`"; touch /srv/took-over; "';
    copy.run('rm -rf /srv/took-over; : >/srv/fstab');
    const said = await run('script', { cmd: 'package.json', chdir: command });
    expect(said.msg).to.include(`cannot change to ${command}`);
    copy.run(
      'cd /srv && rm -rf repo && git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m a',
    );
    const version = '$(touch /srv/took-over)';
    expect((await run('git', { repo: '/srv/repo', dest: '/srv/clone', version })).failed).to.equal(true);
    await run('wait_for', { host: version, exclude_hosts: [version], port: 1, state: 'drained', timeout: 1 });
    const entry = { src: 'tmpfs', fstype: 'tmpfs', state: 'present', fstab: '/srv/fstab' };
    const path = '/srv/a\ntmpfs /etc tmpfs defaults 0 0\n#';
    for (const changed of [true, false]) {
      const kept = await run('mount', { ...entry, path });
      expect([kept.failed, kept.changed], String(kept.msg)).to.deep.equal([undefined, changed]);
    }
    expect(shown('wc -l </srv/fstab; ls /srv/took-over 2>&1 | grep -c "No such"')).to.equal('1\n1\n');
  });

  it('what a file holds stays what it holds', async () => {
    const content = `${WORST}\n\0\u0001\n\n${MARKS.join('\n')}`;
    const file = `${PLAIN}/f`;
    copy.run(`rm -rf /srv/hostile; mkdir -p ${PLAIN}`);
    shown(`cat >${file}; cp ${file} ${PLAIN}/a; cp ${file} ${PLAIN}/b`, content);
    const held = () => Buffer.from(shown(`cat ${file}`), 'latin1');
    const before = held();
    for (const [name, args] of Object.entries({
      lineinfile: { path: file, line: 'new' },
      authorized_key: {
        user: 'root',
        path: file,
        key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSw4HjNSP2dQDSzr3LDhBMOuDnQGHTNGiEyrQ4hCAXx x',
        manage_dir: false,
      },
      known_hosts: {
        path: file,
        name: 'h',
        key: 'h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSw4HjNSP2dQDSzr3LDhBMOuDnQGHTNGiEyrQ4hCAXx',
      },
      cron: { cron_file: file, user: 'root', name: 'n', job: 'true' },
      ini_file: { path: file, section: 'zz', option: 'o', value: 'v' },
    })) {
      shown(`cat >${file}`, content);
      const result = await run(name, args as Record<string, Json>);
      expect(result.failed, `${name}: ${result.msg}`).to.equal(undefined);
      expect(held().subarray(0, 60), name).to.deep.equal(before.subarray(0, 60));
      expect(held().length, name).to.be.greaterThan(before.length - 1);
    }
    await run('assemble', { src: PLAIN, regexp: '^[ab]$', dest: '/srv/hostile/all' });
    expect(Buffer.from(shown('cat /srv/hostile/all'), 'latin1')).to.deep.equal(
      Buffer.concat([before, Buffer.from('\n'), before]),
    );
    const command = await run('command', { cmd: `sh -c 'cat ${PLAIN}/a; cat ${PLAIN}/a >&2; exit 3'` });
    expect([command.rc, command.failed]).to.deep.equal([3, true]);
    expect(command.stderr).to.include('polarplay errno 2');
    const hits = await run('find', { paths: PLAIN, contains: '.*r-0123456789abcdef' });
    expect(hits.matched).to.equal(0); // not UTF-8
  });
});
