import { positive, readFlags } from '../../../lib/cluster/flags.ts';
import { notify, notifyTargets } from '../history/notify.ts';
import { runsIn } from '../history/runs.ts';

const USAGE = `usage: polarplay bench watch [--out DIR] [--hours 26] [--notify TARGET]…

Says whether a run ended lately, and sends word where none did: a night that was never measured makes no noise by itself.

      --out DIR        where the runs are (default: .polarplay/bench)
      --hours N        how long ago the latest one may be (default: 26)
      --profile NAME   only runs of this profile
      --notify TARGET  mailto:ADDRESS or a webhook's URL; POLARPLAY_BENCH_NOTIFY names more, unseen by others

Exit codes: 0 there was one, 2 there was none, 5 wrong flag.
`;

const CLOCKS_DIFFER_MS = 3_600_000;

export async function watchCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, {
    out: { type: 'string', default: '.polarplay/bench' },
    hours: { type: 'string', default: '26' },
    profile: { type: 'string' },
    notify: { type: 'string', multiple: true, default: [] as string[] },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const hours = positive('hours', flags.hours);
  const now = Date.now();
  // A clock that was wrong once must not keep this one quiet until that time comes.
  const latest = runsIn(flags.out, flags.profile)
    .filter(({ endedAt }) => Date.parse(endedAt) <= now + CLOCKS_DIFFER_MS)
    .sort((a, b) => Date.parse(a.endedAt) - Date.parse(b.endedAt))
    .at(-1);
  const when = latest
    ? `the latest ended at ${latest.endedAt.slice(0, 16).replace('T', ' ')} UTC`
    : 'there is none at all';
  if (latest && now - Date.parse(latest.endedAt) < hours * 3_600_000) {
    process.stdout.write(`a benchmark ran: ${when}\n`);
    return 0;
  }
  const subject = `no benchmark ran in the last ${flags.hours} hours`;
  process.stderr.write(`${subject}: ${when}\n`);
  const failed = await notify(notifyTargets(flags.notify), {
    subject,
    text: `${when[0]!.toUpperCase()}${when.slice(1)}. On the host that measures: systemctl status polar-bench.service, journalctl -u polar-bench.service.`,
  });
  for (const line of failed) process.stderr.write(`--notify: ${line}\n`);
  return 2;
}
