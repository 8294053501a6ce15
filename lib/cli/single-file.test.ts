import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../source/package-root.ts';

const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
const BUSYBOX = ['/usr/bin/busybox', '/bin/busybox'].find(existsSync);
const WHOLE_NODE = 50_000_000;

/** The executable alone in a root that has a shell, and neither Node nor npm. */
describe('the single-file build', function () {
  // The program of 100 MB that is put together costs some seconds of a quiet machine.
  this.timeout(600_000);
  let scratch: string;
  let sums: string;
  let name: string;

  before(function () {
    if (process.getuid?.() !== 0 || BUSYBOX === undefined) {
      console.log('      skipped: root and busybox make the empty system this is tried in');
      this.skip();
    }
    if (readFileSync(process.execPath).length < WHOLE_NODE) {
      console.log(`      skipped: ${process.execPath} is not a Node that stands alone`);
      this.skip();
    }
    scratch = mkdtempSync(join(tmpdir(), 'polarplay-single-file-'));
    const built = join(scratch, 'built');
    execFileSync(process.execPath, ['build-single-file.mjs', built], {
      cwd: PACKAGE_ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    sums = readFileSync(join(built, 'SHA256SUMS'), 'utf8');
    name = `polarplay-${version}-linux-${process.arch}`;
    const root = join(scratch, 'root');
    for (const folder of ['bin', 'root', 'etc', 'dev', 'proc', 'tmp'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const file of [process.execPath, BUSYBOX!].flatMap(librariesOf)) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      copyFileSync(file, join(root, file));
    }
    copyFileSync(BUSYBOX!, join(root, 'bin/busybox'));
    for (const tool of execFileSync(BUSYBOX!, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
      if (tool !== 'busybox') symlinkSync('busybox', join(root, 'bin', tool));
    copyFileSync(join(built, name), join(root, 'bin/polarplay'));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
    execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
    writeFileSync(
      join(root, 'root/play.yml'),
      '- name: Play\n  hosts: localhost\n  gather_facts: false\n  tasks:\n    - name: Write\n      copy: {content: hello, dest: /root/x, mode: "0644"}\n',
    );
  });
  after(() => scratch !== undefined && rmSync(scratch, { recursive: true, force: true }));

  /** Its processes end with it: they live in a namespace of their own. */
  const run = (...args: string[]) => runIn([`--mount-proc=${join(scratch, 'root/proc')}`], args);
  const runIn = (options: readonly string[], args: readonly string[]) => {
    const { NODE_EXTRA_CA_CERTS, NODE_OPTIONS, XDG_CACHE_HOME, ...environment } = process.env;
    const env = { ...environment, HOME: '/root', PATH: '/bin' };
    const line = [
      '--fork',
      '--pid',
      '--kill-child',
      ...options,
      'chroot',
      join(scratch, 'root'),
      '/bin/polarplay',
      ...args,
    ];
    const { status, stdout, stderr } = spawnSync('/usr/bin/unshare', line, {
      encoding: 'utf8',
      env: { ...env, PATH: '/usr/sbin:/usr/bin:/bin' },
    });
    return { status, stdout, stderr };
  };

  it('has its checksum beside it', () => {
    const bytes = readFileSync(join(scratch, 'built', name));
    expect(sums).to.equal(`${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`);
  });

  it('says its version without unpacking anything', () => {
    expect(run('--version')).to.deep.equal({ status: 0, stdout: `polarplay ${version}\n`, stderr: '' });
    expect(existsSync(join(scratch, 'root/root/.cache'))).to.equal(false);
  });

  it('lints', () => {
    const { status, stderr } = run('lint', '/root/play.yml');
    expect(stderr).to.contain('0 failures');
    expect(status).to.equal(0);
  });

  it('runs a playbook', () => {
    const { status, stdout } = run('/root/play.yml', '-c', 'local');
    expect(status, stdout).to.equal(0);
    expect(readFileSync(join(scratch, 'root/root/x'), 'utf8')).to.equal('hello');
  });

  it('names what the system lacks', () => {
    const { status, stdout } = runIn([], ['/root/play.yml', '-c', 'local']);
    expect(status, stdout).to.equal(4);
    expect(stdout).to.contain('/proc is not mounted there');
  });

  it('brings the playbooks and roles of the package', () => {
    expect(run('schema', 'inventory').stdout).to.contain('polardb_disk');
    expect(run('site.yml', '--syntax-check', '-i', 'localhost,').stderr).not.to.contain('does not exist');
  });

  it('runs nothing that others could have changed', () => {
    const cache = join(scratch, 'root/root/.cache/polarplay');
    execFileSync('sh', ['-c', `chmod o+w ${cache}/*`]);
    const { status, stderr } = run('version');
    execFileSync('sh', ['-c', `chmod o-w ${cache}/*`]);
    expect(status).to.equal(1);
    expect(stderr).to.contain('others may write there');
  });
});

/** The shared libraries of a program. */
function librariesOf(program: string): string[] {
  const told = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  return [...told.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file!);
}
