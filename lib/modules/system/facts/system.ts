import { itemsOf } from '../../../source/json.ts';
import { partAt } from '../../../source/part-at.ts';
import { emptyRecord } from '../../../source/record.ts';
import type { Json } from '../../../source/value.ts';
import { assignments, type Collector, type Facts, line, lines, type Raw } from './collector.ts';

const exists = (raw: Raw, path: string) => raw.paths.has(path);

export const apparmor: Collector = {
  name: 'apparmor',
  paths: ['/sys/kernel/security/apparmor'],
  parse: raw => ({
    apparmor: { status: exists(raw, '/sys/kernel/security/apparmor') ? 'enabled' : 'disabled' },
  }),
};

function capabilities(raw: Raw): Facts {
  const current = /^Current:(.*)$/m.exec(raw.sections.get('capsh') ?? '')?.[1];
  if (current === undefined) return { system_capabilities: 'N/A', system_capabilities_enforced: 'N/A' };
  if (current.trim() === '=ep') return { system_capabilities: [], system_capabilities_enforced: 'False' };
  const list = (current.split('=')[1] ?? '').split(',').map(item => item.trim());
  return { system_capabilities: list, system_capabilities_enforced: 'True' };
}

export const caps: Collector = {
  name: 'caps',
  ids: ['system_capabilities', 'system_capabilities_enforced'],
  script: () => 'section capsh; command -v capsh >/dev/null 2>&1 && capsh --print 2>/dev/null',
  parse: capabilities,
};

/** Words of a kernel command line; quotes are kept, as they stand. */
function kernelWords(text: string): string[] {
  return text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
}

function cmdlineFacts(raw: Raw): Facts {
  const text = line(raw, '/proc/cmdline');
  if (text === undefined) return {};
  const last = emptyRecord<Json>();
  const all = emptyRecord<Json>();
  for (const word of kernelWords(text)) {
    const at = word.indexOf('=');
    const [key, value]: [string, Json] = at < 0 ? [word, true] : [word.slice(0, at), word.slice(at + 1)];
    last[key] = value;
    const before = all[key];
    const repeated = value !== true && before !== undefined;
    all[key] = !repeated ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { cmdline: last, proc_cmdline: all };
}

export const cmdline: Collector = { name: 'cmdline', files: ['/proc/cmdline'], parse: cmdlineFacts };

export const dns: Collector = {
  name: 'dns',
  files: ['/etc/resolv.conf'],
  parse: raw => ({ dns: resolver(lines(raw, '/etc/resolv.conf')) }),
};

function resolver(text: readonly string[]): Json {
  const found: { [key: string]: Json } = {};
  for (const entry of text) {
    const [word = '', ...rest] = entry.trim().split(/\s+/);
    if (word === 'nameserver') found.nameservers = [...itemsOf(found.nameservers), ...rest];
    else if (word === 'domain' && rest[0]) found.domain = rest[0];
    else if (word === 'search' || word === 'sortlist') found[word] = rest;
    else if (word === 'options')
      found.options = Object.fromEntries(
        rest.map(option => {
          const [key = '', value] = option.split(':', 2);
          return [key, value || true];
        }),
      );
  }
  return found;
}

/** `env -0` is missing from old busybox; then values with line breaks are cut. */
function environment(text: string): Facts {
  const entries = text.includes('\0') ? text.split('\0') : text.split('\n');
  const pairs = entries.flatMap(entry => {
    const at = entry.indexOf('=');
    return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)] as const] : [];
  });
  return { env: Object.fromEntries(pairs) };
}

export const env: Collector = {
  name: 'env',
  script: () => 'section env; env -0 2>/dev/null || env',
  parse: raw => environment(raw.sections.get('env') ?? ''),
};

export const fips: Collector = {
  name: 'fips',
  files: ['/proc/sys/crypto/fips_enabled'],
  parse: raw => ({ fips: line(raw, '/proc/sys/crypto/fips_enabled') === '1' }),
};

export const loadavg: Collector = {
  name: 'loadavg',
  files: ['/proc/loadavg'],
  parse: raw => {
    const [one, five, fifteen] = (line(raw, '/proc/loadavg') ?? '').split(' ').map(Number);
    return one === undefined || fifteen === undefined
      ? {}
      : { loadavg: { '1m': one, '5m': five ?? 0, '15m': fifteen } };
  },
};

function lsbFacts(raw: Raw): Facts {
  const printed = raw.sections.get('lsb') ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(printed)?.[1];
  const file = assignments(lines(raw, '/etc/lsb-release'));
  const release = assignments(lines(raw, '/etc/os-release'));
  // On Debian's relatives lsb_release only repeats these files, and starting it (Python) costs 50 ms.
  const repeats = raw.programs.has('lsb_release') && raw.paths.has('/etc/debian_version');
  const id = release.get('ID') ?? '';
  const pick = (name: string, key: string, fallback: string | undefined) =>
    field(name) ?? file.get(key) ?? (repeats ? fallback : undefined);
  const found = Object.entries({
    id: pick('Distributor ID', 'DISTRIB_ID', id.charAt(0).toUpperCase() + id.slice(1)),
    description: pick('Description', 'DISTRIB_DESCRIPTION', release.get('PRETTY_NAME')),
    release: pick('Release', 'DISTRIB_RELEASE', release.get('VERSION_ID')),
    codename: pick('Codename', 'DISTRIB_CODENAME', release.get('VERSION_CODENAME')),
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const facts: { [key: string]: Json } = Object.fromEntries(found);
  if (facts.release) facts.major_release = partAt(String(facts.release).split('.'), 0);
  return { lsb: facts };
}

export const lsb: Collector = {
  name: 'lsb',
  files: ['/etc/lsb-release', '/etc/os-release'],
  programs: ['lsb_release'],
  paths: ['/etc/debian_version'],
  script: () =>
    'section lsb; [ -e /etc/debian_version ] || { command -v lsb_release >/dev/null 2>&1 && lsb_release -a 2>/dev/null; }',
  parse: lsbFacts,
};

function selinuxFacts(raw: Raw): Facts {
  const enforcing = line(raw, '/sys/fs/selinux/enforce');
  if (enforcing === undefined) return { selinux: { status: 'disabled' }, selinux_python_present: true };
  const config = assignments(lines(raw, '/etc/selinux/config'));
  return {
    selinux: {
      status: 'enabled',
      policyvers: Number(line(raw, '/sys/fs/selinux/policyvers') ?? 0),
      config_mode: config.get('SELINUX') ?? 'unknown',
      mode: enforcing === '1' ? 'enforcing' : 'permissive',
      type: config.get('SELINUXTYPE') ?? 'unknown',
    },
    selinux_python_present: true,
  };
}

export const selinux: Collector = {
  name: 'selinux',
  files: ['/sys/fs/selinux/enforce', '/sys/fs/selinux/policyvers', '/etc/selinux/config'],
  parse: selinuxFacts,
};

const KEY_DIRS = ['/etc/ssh', '/etc/openssh', '/etc'];

function hostKeys(raw: Raw): Facts {
  for (const dir of KEY_DIRS) {
    const found = ['dsa', 'rsa', 'ecdsa', 'ed25519'].flatMap(algorithm => {
      const [type, key] = (line(raw, `${dir}/ssh_host_${algorithm}_key.pub`) ?? '').split(/\s+/);
      const name = `ssh_host_key_${algorithm}_public`;
      return type && key ? [[name, key] as const, [`${name}_keytype`, type] as const] : [];
    });
    if (found.length > 0) return Object.fromEntries(found);
  }
  return {};
}

export const sshPubKeys: Collector = {
  name: 'ssh_pub_keys',
  ids: [
    'ssh_host_pub_keys',
    'ssh_host_key_dsa_public',
    'ssh_host_key_rsa_public',
    'ssh_host_key_ecdsa_public',
    'ssh_host_key_ed25519_public',
  ],
  files: KEY_DIRS.map(dir => `${dir}/ssh_host_*_key.pub`),
  parse: hostKeys,
};

const chroot: Collector = {
  name: 'chroot',
  ids: ['is_chroot'],
  script: () =>
    'section chroot; if [ -n "$debian_chroot" ]; then echo yes; else stat -L -c "%d:%i" / /proc/1/root/. 2>/dev/null; fi',
  parse: raw => {
    const found = (raw.sections.get('chroot') ?? '').split('\n').filter(Boolean);
    return { is_chroot: found[0] === 'yes' || (found.length === 2 && found[0] !== found[1]) };
  },
};

const iscsi: Collector = {
  name: 'iscsi',
  files: ['/etc/iscsi/initiatorname.iscsi'],
  parse: raw => ({
    iscsi_iqn: assignments(lines(raw, '/etc/iscsi/initiatorname.iscsi')).get('InitiatorName') ?? '',
  }),
};

const nvme: Collector = {
  name: 'nvme',
  files: ['/etc/nvme/hostnqn'],
  parse: raw => ({ hostnqn: lines(raw, '/etc/nvme/hostnqn').find(l => l.startsWith('nqn.')) ?? '' }),
};

const fibreChannel: Collector = {
  name: 'fibre_channel_wwn',
  files: ['/sys/class/fc_host/*/port_name'],
  parse: raw => ({
    fibre_channel_wwn: [...raw.files]
      .filter(([path]) => path.startsWith('/sys/class/fc_host/'))
      .map(([, [name = '']]) => name.trim().slice(2)),
  }),
};

/** Small sources that are gathered only when asked for, or with `all`. */
export const extras: readonly Collector[] = [chroot, loadavg, iscsi, nvme, fibreChannel];
