import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { trial } from '../support/run-playbook.ts';

const ROLES = join(import.meta.dirname, '../../roles');

/** Names that differ between the distributions, and the facts they hang on. No package is looked for. */
interface Distribution {
  readonly facts: readonly [distribution: string, major: string, family: string];
  readonly server: string;
  readonly kernel: string;
  readonly fuse: string;
  readonly compile: readonly string[];
  readonly run: readonly string[];
  readonly postgresql: string;
}

const debian = {
  server: 'nbd-server iproute2',
  kernel: 'nbd-client libnbd-bin',
  fuse: 'libnbd-bin fuse3',
  compile: ['g++', 'pkg-config', 'libaio-dev', 'liblz4-dev', 'uuid-dev'],
};
const old = ['libaio1', 'libreadline8', 'libssl3', 'liblz4-1', 'libxml2'];
const t64 = ['libaio1t64', 'libreadline8t64', 'libssl3t64', 'liblz4-1', 'libxml2'];

const redHat = {
  server: 'nbd iproute',
  kernel: 'nbd libnbd',
  fuse: 'nbdfuse libnbd fuse3',
  compile: ['gcc-c++', 'pkgconf-pkg-config', 'libaio-devel', 'lz4-devel', 'libuuid-devel'],
  run: ['libaio', 'readline', 'openssl-libs', 'lz4-libs', 'libzstd'],
  postgresql: 'postgresql-server postgresql-contrib',
};

const distributions: readonly Distribution[] = [
  { facts: ['Debian', '12', 'Debian'], ...debian, run: old, postgresql: 'postgresql-15' },
  { facts: ['Debian', '13', 'Debian'], ...debian, run: t64, postgresql: 'postgresql-17' },
  { facts: ['Ubuntu', '22', 'Debian'], ...debian, run: old, postgresql: 'postgresql-14' },
  { facts: ['Ubuntu', '24', 'Debian'], ...debian, run: t64, postgresql: 'postgresql-16' },
  { facts: ['Rocky', '8', 'RedHat'], ...redHat },
  { facts: ['Rocky', '9', 'RedHat'], ...redHat },
  { facts: ['AlmaLinux', '9', 'RedHat'], ...redHat },
  { facts: ['Anolis', '8', 'RedHat'], ...redHat },
  {
    facts: ['CentOS', '7', 'RedHat'],
    ...redHat,
    compile: ['devtoolset-9-gcc-c++', 'pkgconfig', 'libaio-devel', 'lz4-devel', 'libuuid-devel'],
    run: ['libaio', 'readline', 'openssl-libs', 'lz4', 'libzstd'],
  },
];

const ASKED = [
  'common_packages',
  'nbd_server_packages',
  'nbd_client_packages.kernel',
  'nbd_client_packages.fuse',
];
const ASKED_OF_BUILD = ['packages', 'runtime', 'postgresql_packages'].map(name => `polardb_build_${name}`);

/** The lists of packages as the roles' defaults and variables give them for each distribution. */
async function packageLists(): Promise<readonly string[][][]> {
  const files = readdirSync(ROLES).flatMap(role =>
    ['defaults', 'vars'].map(kind => join(ROLES, role, kind, 'main.yml')).filter(existsSync),
  );
  const tasks = [...ASKED, ...ASKED_OF_BUILD].map(name => ({ name, debug: { msg: `{{ ${name} }}` } }));
  const play = { hosts: 'all', gather_facts: false, vars_files: files, tasks };
  const hosts = distributions.map(
    ({ facts: [distribution, major, family] }, i) =>
      `h${i} ansible_distribution=${distribution} ansible_distribution_major_version=${major} ansible_os_family=${family}\n`,
  );
  const { said, error } = await trial(JSON.stringify([play]), { hosts: hosts.join('') });
  if (error) throw error;
  // One task after the other, its hosts in order.
  return distributions.map((_, i) =>
    tasks.map((_, task) => said[task * distributions.length + i] as string[]),
  );
}

describe('names of packages', () => {
  let lists: readonly string[][][];
  before(async () => {
    lists = await packageLists();
  });

  for (const [i, { facts, ...wanted }] of distributions.entries())
    it(`of ${facts[0]} ${facts[1]}`, () => {
      const [base, server, kernel, fuse, compile, run, postgresql] = lists[i]!;
      expect(base).to.deep.equal(['ca-certificates', 'chrony', 'tzdata']);
      expect([server, kernel, fuse, postgresql].map(list => list!.join(' '))).to.deep.equal([
        wanted.server,
        wanted.kernel,
        wanted.fuse,
        wanted.postgresql,
      ]);
      expect(compile).to.include.members([...wanted.compile]);
      expect(run).to.include.members([...wanted.run]);
      for (const list of [compile!, run!]) expect(new Set(list).size).to.equal(list.length);
    });
});
