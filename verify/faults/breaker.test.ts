import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { attempt } from '../../lib/lab/command.ts';
import * as lab from '../../lib/lab/lab.ts';
import { labDir, stateRoot } from '../../lib/lab/record.ts';
import { checkMachine } from '../../lib/lab/requirements.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { BrokenNote } from './broken-note.ts';

const UNIT = 'polar-fault-trial';
const quiet = () => undefined;

describe('what the fault suite breaks on a host', function () {
  this.timeout(240_000);
  const name = `breaker-${process.pid}`;
  const root = stateRoot();
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-breaker-'));
  const note = join(dir, 'notes', 'note.json');
  let variables: string;

  before(async function () {
    try {
      await checkMachine({ hosts: 1, kind: 'nspawn', install: false }, quiet);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      console.log(`    skipped: ${error.message}. Runs as root on Debian or Ubuntu.`);
      this.skip();
    }
    const made = await lab.up(
      root,
      {
        name,
        kind: 'nspawn',
        hosts: ['h1'],
        disks: [],
        diskKind: 'loop',
        extra: { packages: [], prepareFor: [] },
        kernelArguments: [],
        vars: {},
        install: false,
      },
      quiet,
    );
    const keys = labDir(root, name);
    variables = JSON.stringify({
      ansible_host: made.lab.hosts[0]!.address,
      ansible_user: 'root',
      ansible_ssh_private_key_file: `${keys}/id_ed25519`,
      ansible_ssh_common_args: `-o UserKnownHostsFile=${keys}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes`,
    });
    await ssh(`systemd-run --quiet --unit=${UNIT} sleep 1000`);
  });

  after(async () => {
    rmSync(dir, { recursive: true, force: true });
    await lab.down(root, name);
  });

  const ssh = async (command: string) =>
    (await attempt(['ssh', '-F', join(labDir(root, name), 'ssh_config'), 'h1', command])).stdout.trim();
  const state = () =>
    ssh(
      `sed -n 's/^State:[[:space:]]*\\(.\\).*/\\1/p' /proc/$(systemctl show -p MainPID --value ${UNIT})/status`,
    );
  const armed = () =>
    ssh('ls /run/polar-fault-heal.sh 2>/dev/null; systemctl is-active polar-fault-heal.timer');

  /** Starts the program; `ended` gives its exit code, or the signal that ended it, and what it said. */
  function start(verb: 'break' | 'heal', holdS: number) {
    const main = join(import.meta.dirname, '../../test/support/verify/killed-breaker.ts');
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', main, variables, note, UNIT, `${holdS}`, verb],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = once(child, 'close').then(([code, signal]) => ({ code: code ?? signal, said }));
    return { child, ended };
  }

  /** Until the fault is there. */
  const broken = () => ssh('until [ -e /run/BROKEN ]; do sleep 0.1; done; rm /run/BROKEN');

  const signals = (child: ChildProcess, signal: NodeJS.Signals) => void child.kill(signal);

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    it(`is healed after ${signal}`, async () => {
      const { child, ended } = start('break', 60);
      await broken();
      expect(new BrokenNote(note).read()?.fault).to.equal('primary.hung');
      signals(child, signal);
      expect((await ended).code).to.equal(130);
      expect(await state()).to.equal('S');
      expect(existsSync(note)).to.equal(false);
      expect(await armed()).to.equal('inactive');
    });

  it('is healed by the next run after kill -9', async () => {
    const { child, ended } = start('break', 60);
    await broken();
    signals(child, 'SIGKILL');
    expect((await ended).code).to.equal('SIGKILL');
    expect(await state()).to.equal('T');
    const next = await start('heal', 60).ended;
    expect(next.said).to.match(/^healed: primary\.hung, broken since /);
    expect(next.code).to.equal(0);
    expect(await state()).to.equal('S');
    expect(existsSync(note)).to.equal(false);
    expect(await armed()).to.equal('inactive');
  });

  it('is healed by the host itself when nobody comes', async () => {
    const { child, ended } = start('break', 10);
    await broken();
    signals(child, 'SIGKILL');
    expect((await ended).code).to.equal('SIGKILL');
    await ssh(`until [ ! -e /run/polar-fault-heal.sh ]; do sleep 0.1; done`);
    expect(await state()).to.equal('S');
    // The next run finds the note, and no harm is done by healing once more.
    expect((await start('heal', 60).ended).code).to.equal(0);
    expect(await state()).to.equal('S');
  });

  it('is healed where the note is lost, by what the host knows', async () => {
    const { child, ended } = start('break', 60);
    await broken();
    signals(child, 'SIGKILL');
    await ended;
    rmSync(note);
    expect((await start('heal', 60).ended).said).to.equal('healed: what was left broken on h1\n');
    expect(await state()).to.equal('S');
  });
});
