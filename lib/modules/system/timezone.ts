import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { valuesText } from '../kit/write-file.ts';

interface Found {
  readonly name: string;
  readonly hwclock: 'UTC' | 'local';
  readonly zoneExists: boolean;
  readonly timedatectl: boolean;
}

const ZONES = '/usr/share/zoneinfo';

export const timezone = defineState({
  name: 'timezone',
  registeredDiff: 'values',
  aliases: ['community.general.timezone'],
  summary: "Sets the host's time zone, and whether its hardware clock runs on UTC.",
  examples: `
- name: Log in the time of Shanghai
  timezone: {name: Asia/Shanghai}
`,
  args: Type.Object({
    name: A.opt(A.str('Name of the zone, such as Europe/Berlin.')),
    hwclock: A.opt(A.choice(['local', 'UTC'], 'What the hardware clock shows.', { aliases: ['rtc'] })),
  }),
  rules: { requiredOneOf: [['name', 'hwclock']] },
  differences: [
    'Linux only; /etc/localtime is the truth, /etc/timezone and /etc/sysconfig/clock are kept with it.',
  ],
  touches: () => ['/etc/localtime'],

  *probe({ name }): Steps<Found> {
    const zone = name === undefined ? '' : `[ -f ${quote(`${ZONES}/${name}`)} ] && field exists\n`;
    const found = yield* ask(`field link "$(readlink /etc/localtime 2>/dev/null)"
read -r t </etc/timezone 2>/dev/null && field file "$t"
grep -qs LOCAL /etc/adjtime && field local
[ -d /run/systemd/system ] && command -v timedatectl >/dev/null 2>&1 && field timedatectl
${zone}:`);
    const linked = /zoneinfo\/(?:posix\/)?(.+)$/.exec(found.text('link') ?? '')?.[1];
    return {
      name: linked ?? (found.text('file')?.trim() || 'UTC'),
      hwclock: found.has('local') ? 'local' : 'UTC',
      zoneExists: found.has('exists'),
      timedatectl: found.has('timedatectl'),
    };
  },

  diff(found, { name, hwclock }) {
    if (name !== undefined && (!found.zoneExists || name.includes('..')))
      throw new ModuleError(
        `${name} is not an available time zone: there is no ${ZONES}/${name} (is tzdata installed?)`,
      );
    const values = (zone: string | undefined, clock: string | undefined) =>
      valuesText({
        ...(name !== undefined && { name: zone ?? '' }),
        ...(hwclock !== undefined && { hwclock: clock ?? '' }),
      });
    const changes = [
      ...(name !== undefined && name !== found.name ? [`time zone ${found.name} → ${name}`] : []),
      ...(hwclock !== undefined && hwclock !== found.hwclock
        ? [`hardware clock ${found.hwclock} → ${hwclock}`]
        : []),
    ];
    return {
      changes,
      diff: [{ before: values(found.name, found.hwclock), after: values(name, hwclock) }],
    };
  },

  *apply(found, { name, hwclock }) {
    const zone = name !== undefined && name !== found.name ? name : undefined;
    const clock = hwclock !== undefined && hwclock !== found.hwclock ? hwclock : undefined;
    const lines = found.timedatectl
      ? [
          ...(zone === undefined ? [] : [`timedatectl set-timezone ${quote(zone)} || exit $?`]),
          ...(clock === undefined
            ? []
            : [`timedatectl set-local-rtc ${clock === 'local' ? 1 : 0} || exit $?`]),
        ]
      : [
          ...(zone === undefined ? [] : [`ln -snf ${quote(`${ZONES}/${zone}`)} /etc/localtime || exit $?`]),
          ...(clock === undefined
            ? []
            : [`hwclock --systohc ${clock === 'local' ? '--localtime' : '--utc'} || exit $?`]),
        ];
    if (zone !== undefined)
      lines.push(
        `[ ! -e /etc/timezone ] || echo ${quote(zone)} >/etc/timezone`,
        `[ ! -e /etc/sysconfig/clock ] || sed -i ${quote(`s|^ZONE=.*|ZONE="${zone}"|`)} /etc/sysconfig/clock`,
      );
    const reply = yield* sh(lines.join('\n'));
    if (reply.rc !== 0)
      throw new ModuleError(`cannot set the time zone: ${reply.stderr.trim()}`, { rc: reply.rc });
    return {};
  },
});
