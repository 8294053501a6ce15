import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';

const STRATEGIES = ['systemd', 'file', 'redhat'] as const;

interface Found {
  readonly current: string;
  readonly permanent: string;
  readonly strategy: (typeof STRATEGIES)[number];
  readonly fqdn: string;
}

const FILES = { systemd: '/etc/hostname', file: '/etc/hostname', redhat: '/etc/sysconfig/network' } as const;

const probeScript = (use: string | undefined) => `read -r n </proc/sys/kernel/hostname; field current "$n"
s=${quote(use ?? '')}
if [ -z "$s" ]; then if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null 2>&1; then s=systemd; elif [ -e /etc/sysconfig/network ] && [ ! -e /etc/hostname ]; then s=redhat; else s=file; fi; fi
field strategy "$s"
if [ "$s" = redhat ]; then p=$(sed -n 's/^HOSTNAME=//p' /etc/sysconfig/network); else p=$(grep -v '^#' /etc/hostname 2>/dev/null | head -n 1); fi
field permanent "$p"; field fqdn "$(hostname -f 2>/dev/null)"`;

export const hostname = defineState({
  name: 'hostname',
  summary: "Sets the host's name, now and for the next boot.",
  examples: `
- name: Name the host as the inventory does
  hostname: {name: "{{ inventory_hostname }}"}
`,
  args: Type.Object({
    name: A.str('The name.'),
    use: A.opt(
      A.choice(
        ['alpine', 'debian', 'generic', 'openrc', 'redhat', 'sles', 'systemd'],
        'How to set it; found out when not given.',
      ),
    ),
  }),
  returns: {
    name: 'The name.',
    ansible_facts: 'ansible_hostname, ansible_nodename, ansible_fqdn and ansible_domain.',
  },
  differences: ['The names of BSD, macOS and Solaris hosts cannot be set.'],
  touches: () => ['/etc/hostname'],

  *probe({ use }): Steps<Found> {
    const wanted = use === undefined ? undefined : use === 'systemd' || use === 'redhat' ? use : 'file';
    const found = yield* ask(probeScript(wanted));
    const field = (name: string) => found.text(name)?.trim() ?? '';
    return {
      current: field('current'),
      permanent: field('permanent'),
      fqdn: field('fqdn'),
      strategy: STRATEGIES.find(strategy => strategy === field('strategy')) ?? 'file',
    };
  },

  diff({ current, permanent, strategy, fqdn }, { name }) {
    if (!/^[A-Za-z0-9]([-A-Za-z0-9.]{0,62}[A-Za-z0-9])?$/.test(name))
      throw new ModuleError(`"${name}" is not a host name: letters, digits, dots and dashes, at most 64`);
    const changes = [
      ...(current === name ? [] : [`host name ${current} → ${name}`]),
      ...(permanent === name ? [] : [`${FILES[strategy]}: ${permanent || 'nothing'} → ${name}`]),
    ];
    const full = fqdn.split('.')[0] === name ? fqdn : name;
    const facts: { [key: string]: Json } = {
      ansible_hostname: partAt(name.split('.'), 0),
      ansible_nodename: name,
      ansible_fqdn: full,
      ansible_domain: full.split('.').slice(1).join('.'),
    };
    const text = (value: string) => `hostname = ${value}\n`;
    return {
      changes,
      ...(changes.length > 0 && { diff: [{ before: text(permanent || current), after: text(name) }] }),
      result: { name, ansible_facts: facts },
    };
  },

  *apply({ strategy, current, permanent }, { name }) {
    const n = quote(name);
    const set = `hostname ${n} 2>/dev/null || echo ${n} >/proc/sys/kernel/hostname || exit $?`;
    const keep =
      strategy === 'redhat'
        ? `t=$(mktemp /etc/sysconfig/network.XXXXXX) && { grep -v '^HOSTNAME=' /etc/sysconfig/network; echo HOSTNAME=${n}; } >"$t" && chmod 644 "$t" && mv "$t" /etc/sysconfig/network || exit $?`
        : `echo ${n} >/etc/hostname || exit $?`;
    const script =
      strategy === 'systemd'
        ? `hostnamectl set-hostname ${n} || exit $?`
        : [...(permanent === name ? [] : [keep]), ...(current === name ? [] : [set])].join('\n');
    const reply = yield* sh(script);
    if (reply.rc !== 0)
      throw new ModuleError(`cannot set the host name: ${reply.stderr.trim()}`, { rc: reply.rc });
    return {};
  },
});
