import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { checkFidelity, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Result } from '../kit/define.ts';
import { dockerContainer } from './docker_container.ts';
import { buildCommand, dockerImage } from './docker_image.ts';
import { imageReference } from './docker-cli.ts';
import { bytes, nanoseconds, publishedPorts, volume } from './docker-options.ts';

describe('docker: what authors write', () => {
  const ports: readonly [string, readonly string[]][] = [
    ['80', ['||80/tcp']],
    ['8080:80', ['|8080|80/tcp']],
    ['0.0.0.0:8080:80/udp', ['|8080|80/udp']],
    ['127.0.0.1::80', ['127.0.0.1||80/tcp']],
    ['[::1]:8080:80', ['[::1]|8080|80/tcp']],
    ['9000-9001:80-81', ['|9000|80/tcp', '|9001|81/tcp']],
  ];
  for (const [text, expected] of ports)
    it(`port ${text}`, () => expect(publishedPorts(text)).to.deep.equal(expected));
  it('refuses what is not a port', () => {
    for (const text of ['x', '80:x', '80-81:80', '99999'])
      expect(() => publishedPorts(text), text).to.throw('port');
  });

  const same: readonly [string, string][] = [
    ['/a:/b', '/a:/b:rw'],
    ['/a/:/b:ro', '/a:/b:ro'],
    ['v:/b:z,ro', 'v:/b:ro,z'],
    ['~/a:/b', '/h/a:/b:rw'],
    ['/a', '/a'],
  ];
  for (const [text, expected] of same)
    it(`volume ${text}`, () => expect(volume(text, '/h')).to.equal(expected));
  it('refuses a path that hangs on where one is', () =>
    expect(() => volume('./a:/b')).to.throw('must be absolute'));

  it('reads sizes and durations', () => {
    expect(['512m', '1g', '1.5k', '64MiB', '7'].map(bytes)).to.deep.equal([
      '536870912',
      '1073741824',
      '1536',
      '67108864',
      '7',
    ]);
    expect(nanoseconds('1m30s')).to.equal(90e9);
    expect(() => bytes('much')).to.throw('not an amount');
    expect(() => nanoseconds('soon')).to.throw('not a duration');
  });

  it('completes names of images', () => {
    const digest = `a@sha256:${'0'.repeat(64)}`;
    expect(['a', 'a:1', 'r:5000/a', digest].map(name => imageReference(name))).to.deep.equal([
      'a:latest',
      'a:1',
      'r:5000/a:latest',
      digest,
    ]);
    expect(() => imageReference('--all')).to.throw('not a valid image name');
  });

  it('builds', () => {
    expect(
      buildCommand({ path: '/s', dockerfile: 'F', args: { v: 1 }, pull: false, nocache: true }, 'a:1'),
    ).to.equal('docker build --file /s/F --build-arg v=1 --no-cache --tag a:1 /s');
    expect(() => buildCommand({ path: '/s', pul: true }, 'a:1')).to.throw('does not know "pul"');
  });

  it('says plainly that docker is missing', () =>
    withTemporaryDirectory(async dir => {
      const env = { PATH: dir };
      spawnSync('ln', ['-s', '/bin/sh', join(dir, 'sh')]);
      for (const [module, more] of [
        [dockerContainer, {}],
        [dockerImage, { source: 'pull' }],
      ] as const) {
        const result = await runModule(module, { name: 'web', ...more }, { env });
        expect(result.msg).to.equal('the program docker is missing on this host');
      }
    }));
});

/** A Docker daemon of the test's own, in a network of its own, with an image made of busybox; undefined where none can run. */
async function startDaemon(dir: string): Promise<ChildProcess | undefined> {
  const at = (name: string) => join(dir, name);
  const words = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
  const quiet = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false'];
  const daemon = spawn('unshare', ['--net', 'dockerd', ...words, ...quiet, '-H', `unix://${at('s')}`], {
    stdio: 'ignore',
  });
  const env = { ...process.env, DOCKER_HOST: `unix://${at('s')}` };
  for (let i = 0; i < 60 && daemon.exitCode === null; i++) {
    if (spawnSync('docker', ['version'], { env }).status === 0) return daemon;
    await pause(500);
  }
  daemon.kill();
  return undefined;
}

const ROOT = `mkdir -p root/bin root/tmp; cp "$(command -v busybox)" root/bin/
for applet in sh sleep cat env echo; do ln -s busybox root/bin/$applet; done
tar -C root -cf root.tar .
docker import -c 'ENV A=1' -c 'LABEL l=1' -c 'CMD ["sleep","1000"]' root.tar pp:1
mkdir build; printf 'FROM pp:1\\nARG v\\nENV V=$v\\n' >build/Dockerfile`;

describe('docker: a real daemon', function () {
  this.timeout(120_000);
  let dir = '';
  let daemon: ChildProcess | undefined;
  const env = () => ({ DOCKER_HOST: `unix://${dir}/s` });
  const docker = (...words: string[]) =>
    execFileSync('docker', words, { env: { ...process.env, ...env() }, encoding: 'utf8' }).trim();
  /** Everything the daemon has, and the archive of images. */
  const state = () => {
    const containers = docker('ps', '-aq').split('\n').filter(Boolean);
    const fields = [
      '.Id',
      '.Name',
      '.State.StartedAt',
      '.State.FinishedAt',
      'json .Config',
      'json .HostConfig',
    ];
    const format = [...fields, 'json .NetworkSettings.Networks'].map(field => `{{${field}}}`).join(' ');
    return [
      containers.length === 0 ? '' : docker('inspect', '-f', format, ...containers),
      docker('images', '-a', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}'),
      String(existsSync(`${dir}/made.tar`)),
    ].flatMap(list => list.split('\n').sort());
  };

  before(async function () {
    onlyWithPrograms(this, 'docker', 'dockerd', 'unshare', 'busybox');
    if (process.getuid?.() !== 0) {
      console.log('      skipped: runs as root, where a Docker daemon can be started');
      this.skip();
    }
    dir = mkdtempSync(join(tmpdir(), 'pp-docker-'));
    daemon = await startDaemon(dir);
    if (!daemon) {
      console.log('      skipped: runs where dockerd can be started (it ended or did not answer)');
      this.skip();
    }
    execFileSync('sh', ['-ec', ROOT], { cwd: dir, env: { ...process.env, ...env() } });
  });

  after(async () => {
    if (daemon) {
      const all = docker('ps', '-aq').split('\n').filter(Boolean);
      if (all.length > 0) docker('rm', '--force', ...all);
      const ended = new Promise(done => daemon!.once('exit', done));
      daemon.kill();
      await ended;
    }
    if (dir !== '') rmSync(dir, { recursive: true, force: true });
  });

  const truth = async (module: typeof dockerImage, args: Record<string, Json>, repeats = false) => {
    const { checked, first } = await checkFidelity(module, args, state, { env: env(), repeats });
    expect(first.failed, JSON.stringify(first.msg)).to.equal(undefined);
    expect(first.actions, 'check mode predicted otherwise').to.deep.equal(checked.actions);
    return first;
  };
  const web = (more: Record<string, Json>, repeats = false) =>
    truth(
      dockerContainer,
      { name: 'web', image: 'pp:1', network_mode: 'none', stop_timeout: 0, ...more },
      repeats,
    );
  const id = (result: Result) => (result.container as { Id: string }).Id;

  it('docker_image: builds, tags, saves, removes and loads', async () => {
    const build = { path: `${dir}/build`, args: { v: 'x' }, pull: false };
    const built = await truth(dockerImage, {
      name: 'made',
      tag: '2',
      source: 'build',
      build,
      repository: 'other/made',
      archive_path: `${dir}/made.tar`,
    });
    expect(built.changed).to.equal(true);
    expect((built.image as { Config: { Env: Json } }).Config.Env).to.include.members(['A=1', 'V=x']);
    expect(docker('image', 'inspect', '-f', '{{.Id}}', 'other/made:2')).to.equal(
      (built.image as { Id: Json }).Id,
    );
    expect((await truth(dockerImage, { name: 'made:2', source: 'local' })).changed).to.equal(false);
    await truth(dockerImage, { name: 'other/made:2', state: 'absent' });
    expect((await truth(dockerImage, { name: 'made:2', state: 'absent' })).changed).to.equal(true);
    const loaded = await truth(dockerImage, { name: 'made:2', source: 'load', load_path: `${dir}/made.tar` });
    expect(loaded.changed).to.equal(true);
    const again = { name: 'made:2', source: 'load', load_path: `${dir}/made.tar`, force_source: true };
    expect(await runModule(dockerImage, again, { env: env() })).to.include({ changed: false });
  });

  it('docker_image: tells what is wrong', async () => {
    const local = await runModule(dockerImage, { name: 'nope', source: 'local' }, { env: env() });
    expect(local.msg).to.equal('Cannot find the image nope:latest locally.');
    const pulled = await runModule(dockerImage, { name: '127.0.0.1:1/no', source: 'pull' }, { env: env() });
    expect(pulled.msg).to.match(
      /^Error getting image 127.0.0.1:1\/no:latest \(pull\): .*(refused|unreachable)/s,
    );
    const deaf = await runModule(
      dockerContainer,
      { name: 'web' },
      { env: { DOCKER_HOST: `unix://${dir}/no` } },
    );
    expect(deaf.msg).to.match(/^docker does not answer: .*daemon/s);
  });

  it('docker_container: from nothing to started, stopped, started, removed', async () => {
    const first = await web({});
    expect(first).to.deep.include({ changed: true, actions: ['created', 'started'] });
    expect((first.container as { State: { Running: boolean } }).State.Running).to.equal(true);
    expect((await web({ state: 'present' })).changed).to.equal(false);
    expect((await web({ state: 'stopped' })).actions).to.deep.equal(['stopped']);
    expect((await web({})).actions).to.deep.equal(['started']);
    expect((await web({ restart: true }, true)).actions).to.deep.equal(['restarted']);
    expect((await web({ state: 'absent', force_kill: true })).actions).to.deep.equal(['removed']);
  });

  it('docker_container: every option is put into force and found again', async () => {
    const { changed, container } = await web({
      command: 'sleep 500',
      entrypoint: ['sh', '-c', 'exec "$@"', 'x'],
      env: { B: "two 'words'\nand a line", PATH: '/bin', 'C.D': 'x', HTTP_PROXY: 'http://p' },
      labels: { a: 'b', n: 1 },
      ports: ['8080:80', '127.0.0.1:9000-9001:90-91/udp', '53'],
      exposed_ports: ['7000-7001'],
      volumes: [`${dir}/build:/b:ro`, 'named:/n', '/anonymous'],
      restart_policy: 'on-failure',
      restart_retries: 3,
      hostname: 'web1',
      user: '0:0',
      workdir: '/tmp',
      capabilities: ['NET_ADMIN'],
      cap_drop: ['chown'],
      devices: ['/dev/null:/dev/nothing'],
      tty: true,
      interactive: true,
      log_driver: 'json-file',
      log_options: { 'max-size': '1m' },
      dns_servers: ['9.9.9.9'],
      etc_hosts: { db: '10.0.0.1' },
      shm_size: '32m',
      ulimits: ['nofile:100:200', 'nproc:99'],
      tmpfs: ['/run', '/t:size=1m'],
      read_only: true,
      pid_mode: 'host',
      ipc_mode: 'private',
      init: false,
      stop_timeout: 2,
      stop_signal: 'SIGKILL',
      privileged: false,
      healthcheck: { test: ['CMD', 'cat', '/x y'], interval: '1m30s', retries: 3 },
      container_default_behavior: 'compatibility',
    });
    expect(changed).to.equal(true);
    const seen = docker('inspect', '-f', '{{json .Config.Env}}', 'web');
    expect(JSON.parse(seen)).to.have.members([
      "B=two 'words'\nand a line",
      'PATH=/bin',
      'C.D=x',
      'HTTP_PROXY=http://p',
      'A=1',
    ]);
    expect((container as { Path: string }).Path).to.equal('sh');
  });

  it('docker_container: is made anew only when something given differs', async () => {
    const one = await web({ command: 'sleep 400', env: { B: '1', C: '2' }, recreate: true }, true);
    expect(one.actions).to.deep.equal(['recreated', 'started']);
    const now = docker('inspect', '-f', '{{.Id}}', 'web');
    const less = await web({ env: { B: '1' } });
    expect([less.changed, id(less)]).to.deep.equal([false, now]);
    const strict = await web({ env: { B: '1' }, command: 'sleep 400', comparisons: { env: 'strict' } });
    expect(strict.diff?.[0]?.before).to.match(/^env: \["C","A"\]\n$/);
    const ignored = await web({ command: 'sleep 1', env: { B: '9' }, comparisons: { '*': 'ignore' } });
    expect([ignored.changed, id(ignored)]).to.deep.equal([false, id(strict)]);
    const policy = await web({ restart_policy: 'unless-stopped' });
    expect([policy.actions, id(policy)]).to.deep.equal([['updated'], id(strict)]);
    docker('tag', 'made:2', 'moved:1');
    const moved = await truth(dockerContainer, {
      name: 'web',
      image: 'moved:1',
      network_mode: 'none',
      stop_timeout: 0,
    });
    expect(moved.diff?.[0]?.after).to.match(/^image: sha256:/);
  });

  it('docker_container: what Docker refuses leaves the old one running', async () => {
    const old = docker('inspect', '-f', '{{.Id}} {{.State.Running}}', 'web');
    const refused = await runModule(
      dockerContainer,
      { name: 'web', image: 'pp:1', volumes: ['/a:relative'] },
      { env: env() },
    );
    expect(refused.msg).to.match(/^Error on container web: .*relative/s);
    expect(docker('ps', '-a', '--no-trunc', '--format', '{{.ID}}')).to.equal(old.split(' ')[0]);
    expect(docker('inspect', '-f', '{{.Id}} {{.State.Running}}', 'web')).to.equal(old);
  });

  it('docker_container: shares the network of another, by name', async () => {
    const more = { name: 'side', image: 'pp:1', network_mode: 'container:web', state: 'present' };
    expect((await truth(dockerContainer, more)).actions).to.deep.equal(['created']);
  });

  it('docker_container: joins and leaves networks', async () => {
    for (const [name, net] of [
      ['one', '10.9.1.0/24'],
      ['two', '10.9.2.0/24'],
    ])
      docker('network', 'create', '--subnet', net!, name!);
    const on = (networks: Json, more: Record<string, Json> = {}) =>
      truth(dockerContainer, { name: 'net', image: 'pp:1', stop_timeout: 0, networks, ...more });
    const one = { name: 'one', ipv4_address: '10.9.1.7', aliases: ['db'] };
    const first = await on([one]);
    expect(first.actions).to.deep.equal(['created', 'started']);
    const joined = await on([one, { name: 'two' }]);
    expect([joined.actions, id(joined)]).to.deep.equal([['joined network two'], id(first)]);
    const left = await on([one], { purge_networks: true });
    expect([left.actions, id(left)]).to.deep.equal([['left network two'], id(first)]);
    const moved = await on([{ ...one, ipv4_address: '10.9.1.8' }]);
    expect([moved.actions, id(moved)]).to.deep.equal([['joined network one'], id(first)]);
    expect(docker('inspect', '-f', '{{.NetworkSettings.Networks.one.IPAddress}}', 'net')).to.equal(
      '10.9.1.8',
    );
    const both = await on([one, 'two'], { recreate: true, state: 'absent' });
    expect(both.actions).to.deep.equal(['removed']);
    expect((await on(['two', one])).actions).to.deep.equal(['created', 'started']);
  });

  it('docker_container: waits with detach=false', async () => {
    const once = { name: 'once', image: 'pp:1', network_mode: 'none', detach: false, cleanup: true };
    const good = await runModule(dockerContainer, { ...once, command: ['echo', 'hi there'] }, { env: env() });
    expect(good).to.deep.include({ changed: true, status: 0, output: 'hi there\n' });
    const bad = await runModule(
      dockerContainer,
      { ...once, command: "sh -c 'echo no; exit 3'" },
      { env: env() },
    );
    expect(bad).to.deep.include({ failed: true, status: 3, msg: 'no' });
    expect(docker('ps', '-a', '--format', '{{.Names}}')).to.not.contain('once');
  });

  it('docker_container: refuses what means nothing', async () => {
    const tries: readonly [Record<string, Json>, string][] = [
      [{ name: '-x' }, 'not a valid container name'],
      [{ name: 'none' }, 'image is not specified'],
      [{ name: 'none', image: 'pp:1', env: { A: true } }, 'Non-string value found for env option'],
      [{ name: 'none', image: 'absent:1', pull: 'never' }, 'Cannot find image absent:1'],
      [{ name: 'web', image: 'pp:1', comparisons: { env: 'maybe' } }, 'none of ignore'],
    ];
    for (const [args, msg] of tries)
      expect((await runModule(dockerContainer, args, { env: env() })).msg, JSON.stringify(args)).to.contain(
        msg,
      );
  });
});
