import { setTimeout as pause } from 'node:timers/promises';
import type { CommandOptions, CommandReply } from '../../lib/cluster/hosts.ts';
import { messageOf } from '../../lib/source/errors.ts';
import type { BrokenNote, Heal } from './broken-note.ts';
import type { Step } from './fault.ts';
import { PRELUDE } from './prelude.ts';

/** The way to the hosts; `Hosts` is one. */
export interface Reach {
  script(host: string, script: string, options?: CommandOptions): Promise<CommandReply>;
}

/** How long the host waits for the runner before it heals itself, beyond the time that it is to stay broken. */
const GRACE_S = 120;
const SCRIPT_MS = 90_000;
const HEAL_TRIES = 20;

/** Something stays broken. */
export class NotHealed extends Error {
  override readonly name = 'NotHealed';
}

/** Names of the files and timers on the hosts. */
const MARK = '/run/polar-fault-heal';

/**
 * Breaks and heals. What is broken is known in three places before it is broken, so that it is put right however this
 * program ends: here, in a note on this machine's disk for the next run, and on the host itself, which heals at a time
 * of its own when nobody does.
 */
export class Breaker {
  readonly #hosts: Reach;
  readonly #note: BrokenNote;
  readonly #graceS: number;
  #heals: readonly Heal[] = [];

  constructor(hosts: Reach, note: BrokenNote, graceS = GRACE_S) {
    this.#hosts = hosts;
    this.#note = note;
    this.#graceS = graceS;
  }

  /** Why a fault cannot be tried on its hosts; undefined when it can. */
  async probe(steps: readonly Step[]): Promise<string | undefined> {
    for (const { host, probe } of steps) {
      if (probe === undefined) continue;
      const reply = await this.#hosts.script(host, `${PRELUDE}${probe}`, { timeoutMs: SCRIPT_MS });
      if (reply.rc !== 0) return `${host}: ${lastLine(reply) || `the probe ended with ${reply.rc}`}`;
    }
    return undefined;
  }

  async break(fault: string, steps: readonly Step[], holdS: number): Promise<void> {
    this.#heals = steps.flatMap(({ host, heals }) => (heals === undefined ? [] : [{ host, script: heals }]));
    if (this.#heals.length > 0) {
      this.#note.write({ fault, since: new Date().toISOString(), heals: this.#heals });
      await Promise.all(this.#heals.map(heal => this.#arm(heal, holdS + this.#graceS)));
    }
    const replies = await Promise.all(
      steps.map(({ host, breaks, heals }) =>
        this.#hosts
          .script(host, `${PRELUDE}${breaks}`, { timeoutMs: SCRIPT_MS })
          // A host may go down with the command that takes it down.
          .catch((error: unknown) => ({
            rc: heals === undefined ? 0 : 1,
            stdout: '',
            stderr: messageOf(error),
          })),
      ),
    );
    const failed = replies.findIndex(reply => reply.rc !== 0);
    if (failed >= 0)
      throw new Error(
        `${fault} could not be broken on ${steps[failed]!.host}: ${lastLine(replies[failed]!)}`,
      );
  }

  /** Puts right what is broken, also on a host that is only on its way back. */
  async heal(): Promise<void> {
    const problems = await Promise.all(this.#heals.map(heal => this.#healHost(heal)));
    const said = problems.filter(problem => problem !== undefined);
    if (said.length > 0)
      throw new NotHealed(`NOT HEALED: ${said.join('; ')}; polarplay faults --heal tries again`);
    this.#heals = [];
    this.#note.remove();
  }

  /** Puts right what a run before left broken; tells what that was. */
  async healLeftovers(hosts: readonly string[]): Promise<readonly string[]> {
    const note = this.#note.read();
    const told: string[] = [];
    if (note) {
      this.#heals = note.heals;
      await this.heal();
      told.push(`${note.fault}, broken since ${note.since}`);
    }
    const looked = await Promise.allSettled(hosts.map(host => this.#hosts.script(host, LEFTOVERS)));
    looked.forEach((look, i) => {
      if (look.status === 'rejected')
        throw new Error(`${hosts[i]}: cannot look whether something is broken: ${messageOf(look.reason)}`);
      if (look.value.rc !== 0) throw new Error(`${hosts[i]} does not heal: ${lastLine(look.value)}`);
      if (look.value.stdout !== '') told.push(`what was left broken on ${hosts[i]}`);
    });
    return told;
  }

  async #arm({ host, script }: Heal, seconds: number): Promise<void> {
    const reply = await this.#hosts.script(
      host,
      `umask 077
cat >${MARK}.sh && systemctl stop polar-fault-heal.timer 2>/dev/null
exec systemd-run --quiet --collect --unit=polar-fault-heal --on-active=${seconds} --timer-property=AccuracySec=1s sh ${MARK}.sh`,
      { stdin: `${PRELUDE}(\n${script}\n) && rm -f ${MARK}.sh\n`, timeoutMs: SCRIPT_MS },
    );
    if (reply.rc !== 0)
      throw new Error(`${host} would not heal itself: ${lastLine(reply)}; nothing was broken`);
  }

  async #healHost({ host, script }: Heal): Promise<string | undefined> {
    let problem = '';
    for (let tries = 0; tries < HEAL_TRIES; tries++) {
      try {
        const reply = await this.#hosts.script(host, `${PRELUDE}${script}`, { timeoutMs: SCRIPT_MS });
        if (reply.rc === 0) {
          await this.#hosts.script(host, DISARM);
          return undefined;
        }
        problem = `${host}: ${lastLine(reply)}`;
      } catch (error) {
        problem = `${host}: ${messageOf(error)}`;
      }
      await pause(1000);
    }
    return problem;
  }
}

const DISARM = `systemctl stop polar-fault-heal.timer 2>/dev/null; rm -f ${MARK}.sh`;
const LEFTOVERS = `[ -e ${MARK}.sh ] || exit 0
sh ${MARK}.sh && { ${DISARM}; echo healed; }`;

const lastLine = ({ stderr, stdout }: CommandReply): string =>
  (stderr || stdout).trim().split('\n').at(-1) ?? '';
