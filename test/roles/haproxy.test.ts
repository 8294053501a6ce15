import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { freePort } from '../support/free-port.ts';
import { trial } from '../support/run-playbook.ts';

const ROLES = join(import.meta.dirname, '../../roles');
const ADDRESSES = { rw1: '127.0.0.2', ro1: '127.0.0.3', ro2: '127.0.0.4' } as const;
type Name = keyof typeof ADDRESSES;
type Role = 'primary' | 'replica' | 'neither';

/** A node as a balancer sees it: a database that says its name, and a health endpoint that says its role. */
interface Node {
  role: Role;
  readonly servers: readonly (Server | HttpServer)[];
  readonly asked: Set<string>;
  readonly sessions: Set<Socket>;
  /** Neither reads nor sees that clients have left. */
  hangs: boolean;
}

describe('the balancer', function () {
  this.timeout(180_000);
  const nodes = {} as Record<Name, Node>;
  const ports = { database: 0, health: 0, write: 0, read: 0, figures: 0 };
  let dir: string;
  let haproxy: ChildProcess | undefined;

  before(async function () {
    if (spawnSync('haproxy', ['-v']).status !== 0) {
      console.log('      skipped: runs where haproxy is installed');
      this.skip();
    }
    dir = mkdtempSync(join(tmpdir(), 'polarplay-haproxy-'));
    for (const port of Object.keys(ports) as (keyof typeof ports)[]) ports[port] = await freePort();
    for (const name of Object.keys(ADDRESSES) as Name[]) nodes[name] = await startNode(name);
  });
  beforeEach(() => {
    Object.assign(nodes.rw1, { role: 'primary', hangs: false });
    for (const name of ['ro1', 'ro2'] as const) nodes[name].role = 'replica';
  });
  afterEach(() => stop());
  after(() => {
    for (const { servers, sessions } of Object.values(nodes)) {
      for (const session of sessions) session.destroy();
      for (const server of servers) server.close();
    }
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  async function startNode(name: Name): Promise<Node> {
    const sessions = new Set<Socket>();
    const asked = new Set<string>();
    const database = createTcp(socket => {
      sessions.add(socket);
      socket.on('error', () => {}).on('close', () => sessions.delete(socket));
      socket.write(name);
      // As a database does: who does not read never sees that the other side has left.
      if (!nodes[name].hangs) socket.resume();
    });
    const health = createHttp(async ({ method, url }, response) => {
      asked.add(`${method} ${url}`);
      // A busy node takes its time: long enough for a balancer to be asked before it knows anything.
      await sleep(200);
      response.statusCode = url?.startsWith(`/${nodes[name].role}`) ? 200 : 503;
      response.end();
    });
    await new Promise<void>(done => database.listen(ports.database, ADDRESSES[name], done));
    await new Promise<void>(done => health.listen(ports.health, ADDRESSES[name], done));
    return { role: 'neither', servers: [database, health], asked, sessions, hangs: false };
  }

  async function start(vars: object = {}): Promise<void> {
    const hosts = (Object.keys(ADDRESSES) as Name[])
      .map(name => `${name} cluster_address=${ADDRESSES[name]}`)
      .join('\n');
    const play = {
      hosts: 'balancer',
      gather_facts: false,
      vars_files: ['cluster', 'haproxy'].map(role => join(ROLES, role, 'defaults/main.yml')),
      tasks: [{ template: { src: join(ROLES, 'haproxy/templates/haproxy.cfg.j2'), dest: join(dir, 'cfg') } }],
    };
    const { error } = await trial(JSON.stringify([play]), {
      hosts: `balancer\n[nodes]\n${hosts}\n`,
      extraVars: {
        polardb_port: ports.database,
        health_listen: String(ports.health),
        haproxy_write_listen: `127.0.0.1:${ports.write}`,
        haproxy_read_listen: `127.0.0.1:${ports.read}`,
        haproxy_stats_listen: `127.0.0.1:${ports.figures}`,
        ...vars,
      },
    });
    if (error) throw error;
    const text = readFileSync(join(dir, 'cfg'), 'utf8')
      .replace(/^ *(user|group|chroot) .*\n/gm, '')
      .replace('/run/polar-haproxy', dir)
      .replace(/-fin 30s/g, '-fin 1s');
    writeFileSync(join(dir, 'cfg'), text);
    haproxy = spawn('haproxy', ['-db', '-f', join(dir, 'cfg')], { stdio: 'ignore' });
    const limit = Date.now() + 15_000;
    while ((await say(ports.figures)) === 'refused') {
      if (Date.now() > limit || haproxy.exitCode !== null) throw new Error('haproxy does not start');
      await sleep(10);
    }
  }

  async function stop(): Promise<void> {
    const child = haproxy;
    haproxy = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise(done => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }

  /** Who answers on a port: a node's name, `nobody` when the connection is ended, `refused` when there is none. */
  function say(port: number): Promise<string> {
    return new Promise((done, failed) => {
      const socket = connect(port, '127.0.0.1');
      // More than HAProxy's own waiting and connecting take.
      socket.setTimeout(15_000, () => {
        failed(new Error('the balancer takes the connection and says nothing'));
        socket.destroy();
      });
      socket.on('connect', () => {
        if (port === ports.figures) socket.destroy();
        // As a database's client: it speaks first.
        else socket.write('startup');
      });
      socket.on('data', text => {
        done(String(text));
        socket.destroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) =>
        done(error.code === 'ECONNREFUSED' ? 'refused' : 'nobody'),
      );
      socket.on('close', () => done('nobody'));
    });
  }
  async function until(port: number, who: string): Promise<void> {
    const limit = Date.now() + 20_000;
    for (let said = await say(port); said !== who; said = await say(port)) {
      if (Date.now() > limit) throw new Error(`${said} answers, not ${who}`);
      await sleep(10);
    }
  }
  const many = async (port: number) =>
    [...new Set(await Promise.all(Array.from({ length: 12 }, () => say(port))))].sort();

  it('leads nobody to a wrong node, from its first moment on', async () => {
    await start();
    const [writes, reads] = await Promise.all([many(ports.write), many(ports.read)]);
    expect(writes).to.deep.equal(['rw1']);
    expect(reads).to.deep.equal(['ro1', 'ro2']);
    expect([...nodes.rw1.asked].sort()).to.deep.equal(['OPTIONS /primary', 'OPTIONS /replica?lag=64MB']);
    const page = await (await fetch(`http://127.0.0.1:${ports.figures}/metrics`)).text();
    expect(page).to.match(/haproxy_server_status\{proxy="primary",server="rw1",state="UP"\} 1/);
  });

  it('follows a switchover: sessions with the old primary end, no reads stay with the new one', async () => {
    await start();
    await until(ports.write, 'rw1');
    await until(ports.read, 'ro1');
    const ended = await Promise.all(
      [ports.write, ports.read, ports.read].map(async port => {
        const socket = connect(port, '127.0.0.1', () => socket.write('startup'));
        socket.on('error', () => {});
        const name = await new Promise<string>(done => socket.once('data', text => done(String(text))));
        return { name, end: new Promise<void>(done => socket.once('close', () => done())) };
      }),
    );
    expect(ended.map(({ name }) => name).sort()).to.deep.equal(['ro1', 'ro2', 'rw1']);
    nodes.rw1.role = 'neither';
    await until(ports.write, 'nobody');
    nodes.ro1.role = 'primary';
    await Promise.all(ended.filter(({ name }) => name !== 'ro2').map(({ end }) => end));
    await until(ports.write, 'ro1');
    expect(await many(ports.read)).to.deep.equal(['ro2']);
  });

  it('lets nobody through while two call themselves the primary', async () => {
    await start();
    await until(ports.write, 'rw1');
    nodes.ro1.role = 'primary';
    await until(ports.write, 'nobody');
    expect(await many(ports.write)).to.deep.equal(['nobody']);
    nodes.rw1.role = 'neither';
    await until(ports.write, 'ro1');
  });

  it('gives reads to the primary only where that is wanted, and only while no replica is there', async () => {
    nodes.ro1.role = nodes.ro2.role = 'neither';
    await start();
    expect(await many(ports.read)).to.deep.equal(['nobody']);
    await stop();
    await start({ haproxy_read_fallback: true });
    expect(await many(ports.read)).to.deep.equal(['rw1']);
    nodes.ro2.role = 'replica';
    await until(ports.read, 'ro2');
    expect(await many(ports.read)).to.deep.equal(['ro2']);
  });

  it('is not used up by clients that have left a server that hangs', async () => {
    nodes.rw1.hangs = true;
    await start({ haproxy_max_connections: 20 });
    for (let i = 0; i < 3; i++)
      expect(await Promise.all(Array.from({ length: 20 }, () => say(ports.write)))).to.deep.equal(
        Array.from({ length: 20 }, () => 'rw1'),
      );
  });
});
