import { setTimeout as sleep } from 'node:timers/promises';
import type { Hosts } from '../../../lib/cluster/hosts.ts';

/**
 * One moment for all that begins together: each host gets it by its own clock, however wrong that is. `$1` of the shell's
 * function is that time, or nothing. A clock that was set meanwhile costs a few seconds and no more.
 */
export const AWAIT_START = `
await_start() {
  [ -z "$1" ] || sleep "$(date +%s.%N | awk -v at="$1" '{ d = at - $1; printf "%.3f", (d > 0 && d < 10) ? d : 0 }')"
}
`;

/** Seconds of this machine's clock that nobody sets. */
const now = (): number => (performance.timeOrigin + performance.now()) / 1000;

export class CommonStart {
  readonly #at: number;
  readonly #offsets: ReadonlyMap<string, number>;

  private constructor(at: number, offsets: ReadonlyMap<string, number>) {
    this.#at = at;
    this.#offsets = offsets;
  }

  /** Asks each host for its time; the moment is as far ahead as the slowest answer makes it. */
  static async of(hosts: Hosts, names: Iterable<string>): Promise<CommonStart> {
    const offsets = new Map<string, number>();
    let slowest = 0;
    await Promise.all(
      [...new Set(names)].map(async host => {
        const sent = now();
        const reply = await hosts.command(host, ['date', '+%s.%N'], { as: null }).catch(() => undefined);
        const got = now();
        const said = Number(reply?.stdout);
        // One that does not answer, or knows whole seconds only, begins when it is told to.
        if (!reply || !Number.isFinite(said)) return;
        slowest = Math.max(slowest, got - sent);
        offsets.set(host, said - (sent + got) / 2);
      }),
    );
    return new CommonStart(now() + LEAD_S + 2 * slowest, offsets);
  }

  /** By the host's own clock, for `await_start`. */
  on(host: string): string {
    const offset = this.#offsets.get(host);
    return offset === undefined ? '' : (this.#at + offset).toFixed(3);
  }

  /** Seconds from the common start until something began, as its host's clock told it. */
  late(host: string, startedAt: number | undefined): number | undefined {
    const offset = this.#offsets.get(host);
    return offset === undefined || startedAt === undefined ? undefined : startedAt - offset - this.#at;
  }

  /** Here. */
  async reached(): Promise<void> {
    await sleep(Math.max(0, (this.#at - now()) * 1000));
  }
}

/** What starting a program takes on a host, beside its answer. */
const LEAD_S = 0.1;
