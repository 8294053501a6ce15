import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../source/package-root.ts';

const { version, dependencies } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));

/** What a person gets: the archive, installed where no repository is, without a network. */
describe('the package', function () {
  this.timeout(120_000);
  let scratch: string;
  let listed: readonly string[];
  let installed: string;

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polarplay-package-'));
    const packed = command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
      cwd: PACKAGE_ROOT,
    });
    const [about] = Object.values<{ filename: string; files: { path: string }[] }>(JSON.parse(packed.stdout));
    listed = about!.files.map(file => file.path);
    const prefix = join(scratch, 'prefix');
    const archive = join(scratch, about!.filename);
    const install = command('npm', ['install', '--global', '--offline', '--prefix', prefix, archive]);
    expect(install.stderr, 'npm has nothing to warn of').to.equal('');
    expect(install.stdout).to.match(/^added 1 package /m);
    installed = join(prefix, 'bin', 'polarplay');
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const polarplay = (...args: string[]) => command(installed, args, { cwd: scratch });

  it('needs no other package: all of them are in the bundle', () => {
    expect(dependencies, 'add packages to devDependencies').to.equal(undefined);
  });

  it('is no larger than it was with 107 modules in one folder', () => {
    const dist = join(PACKAGE_ROOT, 'dist');
    const size = readdirSync(dist).reduce((sum, name) => sum + statSync(join(dist, name)).size, 0);
    expect(size).to.be.below(5_500_000);
  });

  it('starts', () => {
    expect(polarplay('--version').stdout).to.equal(`polarplay ${version}\n`);
    expect(polarplay('version').stdout).to.equal(`polarplay ${version}\n`);
    expect(polarplay('help').stdout).to.equal(polarplay('--help').stdout);
    expect(polarplay('help', 'verify').stdout).to.equal(polarplay('verify', '--help').stdout);
  });

  for (const name of ['verify', 'faults', 'bench', 'lab', 'status', 'wipe', 'run', 'inventory', 'doc'])
    it(`has ${name}`, () => {
      const { status, stdout, stderr } = polarplay(name, '--help');
      expect([status, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.contain(`polarplay ${name}`);
    });

  it('completes words in a shell', () => {
    const words = (...line: string[]) => {
      const script = `source <(polarplay completion bash)
COMP_WORDS=(polarplay ${line.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${line.length}; _polarplay; echo "\${COMPREPLY[@]}"`;
      const env = { ...process.env, PATH: `${join(installed, '..')}:${process.env['PATH']}` };
      return command('bash', ['-c', script], { cwd: scratch, env }).stdout.trim();
    };
    writeFileSync(join(scratch, 'hosts'), '[storage]\nst1\n[nodes]\nrw1\n');
    expect(words('ver')).to.equal('verify version');
    expect(words('check', '--acc')).to.equal('--accept-new-host-keys');
    expect(words('site.yml', '-i', 'hosts', '-l', 's')).to.equal('storage st1');
  });

  it('brings a man page with every command', () => {
    const page = readFileSync(join(PACKAGE_ROOT, 'dist/polarplay.1'), 'utf8');
    for (const name of ['INIT', 'CHECK', 'VERIFY', 'BENCH', 'RUNS'])
      expect(page).to.contain(`.SH POLARPLAY ${name}\n`);
    expect(page).not.to.match(/^\.(?!SH|TH|TP|nf|fi)/m);
  });

  it('runs a playbook', () => {
    writeFileSync(
      join(scratch, 'play.yml'),
      '- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: {msg: hello}\n',
    );
    const { status, stdout, stderr } = polarplay('play.yml', '-c', 'local');
    expect(`${status} ${stderr}`).to.equal('0 ');
    expect(stdout).to.contain('hello');
  });

  it('holds what users need, and no test', () => {
    for (const path of [
      'playbooks/site.yml',
      'inventory/hosts.yaml',
      'docs/operations.md',
      'examples/hosts.txt',
      'dist/polarplay.1',
    ])
      expect(listed).to.include(path);
    expect(listed.filter(path => /test|^(lib|verify|bench)\//.test(path))).to.deep.equal([]);
    expect(readFileSync(join(PACKAGE_ROOT, 'dist/licenses.txt'), 'utf8')).to.match(/^ssh2 /m);
  });

  it('says of a misspelt command which one is meant', () => {
    const { status, stderr } = polarplay('verfy', '-i', 'hosts.yaml');
    expect(status).to.equal(5);
    expect(stderr).to.match(/^polarplay: "verfy" is not a command, did you mean "verify"\?/);
  });

  it('tells an old Node which one it takes', () => {
    const old = join(scratch, 'old-node.cjs');
    writeFileSync(
      old,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.0' } });`,
    );
    const { status, stdout, stderr } = command(process.execPath, ['--require', old, installed, '--version']);
    expect([status, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^polarplay: Node 20\.19 or newer is needed; this is Node 18\.19\.0 /);
    expect(stderr).to.contain('https://nodejs.org');
  });

  it('is what npm scripts run, in the folder of the person', () => {
    const folder = join(scratch, 'elsewhere');
    mkdirSync(folder);
    writeFileSync(join(folder, 'hosts.yaml'), 'all: [');
    const { stderr } = command(
      'npm',
      ['--prefix', PACKAGE_ROOT, 'run', '--silent', 'verify', '--', '-i', 'hosts.yaml'],
      { cwd: folder },
    );
    expect(stderr).to.contain('hosts.yaml:1:');
  });
});

function command(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, npm_config_update_notifier: 'false' },
    ...options,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}
