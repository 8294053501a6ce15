import { type Collector, type Facts, line, lines, type Raw } from './collector.ts';

const DMI = '/sys/devices/virtual/dmi/id';

type Side = 'guest' | 'host';

/** One piece of evidence: the technology and the side of it this machine is on. */
type Evidence = readonly [tech: string, side: Side];

const CONTAINERS = new Set(['docker', 'lxc', 'podman', 'openvz', 'containerd']);

function containerEvidence(raw: Raw): Evidence[] {
  const cgroup = lines(raw, '/proc/1/cgroup').join('\n');
  const environment = raw.sections.get('container') ?? '';
  const named = line(raw, '/run/systemd/container');
  const guests = [
    /\/docker(\/|-[0-9a-f]+\.scope)/.test(cgroup) && 'docker',
    /\/lxc\/|\/machine\.slice\/machine-lxc/.test(cgroup) && 'lxc',
    cgroup.includes('/system.slice/containerd.service') && 'containerd',
    environment.includes('container=lxc') && 'lxc',
    environment.includes('container=podman') && 'podman',
    /^container=./m.test(environment) && 'container',
    raw.paths.has('/proc/vz') && !raw.paths.has('/proc/lve') && !raw.paths.has('/proc/bc') && 'openvz',
    named,
    (raw.paths.has('/.dockerenv') || raw.paths.has('/.dockerinit')) && 'docker',
  ].filter((tech): tech is string => Boolean(tech));
  const host: Evidence[] =
    raw.paths.has('/proc/vz') && raw.paths.has('/proc/bc') && !raw.paths.has('/proc/lve')
      ? [['openvz', 'host']]
      : [];
  const inContainer = guests.some(tech => CONTAINERS.has(tech)) || named !== undefined;
  const all = inContainer ? [...guests, 'container'] : guests;
  return [...all.map(tech => [tech, 'guest'] as const), ...host];
}

/** Firmware field → texts → technology; order is the order of belief. */
const FIRMWARE: readonly (readonly [file: string, texts: readonly string[], tech: string])[] = [
  ['product_name', ['KVM', 'KVM Server', 'Bochs', 'AHV'], 'kvm'],
  ['sys_vendor', ['oVirt'], 'oVirt'],
  ['product_name', ['RHEV Hypervisor'], 'RHEV'],
  ['product_name', ['VMware Virtual Platform', 'VMware7,1', 'VMware20,1'], 'VMware'],
  ['product_name', ['OpenStack Compute', 'OpenStack Nova'], 'openstack'],
  ['bios_vendor', ['Xen'], 'xen'],
  ['bios_vendor', ['innotek GmbH'], 'virtualbox'],
  ['bios_vendor', ['Amazon EC2', 'DigitalOcean', 'Hetzner'], 'kvm'],
  ['sys_vendor', ['QEMU', 'Amazon EC2', 'DigitalOcean', 'Google', 'Scaleway', 'Nutanix'], 'kvm'],
  ['sys_vendor', ['KubeVirt'], 'KubeVirt'],
  ['sys_vendor', ['Microsoft Corporation'], 'VirtualPC'],
  ['sys_vendor', ['Parallels Software International Inc.'], 'parallels'],
  ['sys_vendor', ['OpenStack Foundation'], 'openstack'],
];

function firmwareEvidence(raw: Raw): Evidence[] {
  const value = (file: string) => line(raw, `${DMI}/${file}`) ?? '';
  const rhv: Evidence[] =
    value('sys_vendor') === 'Red Hat' && value('product_family') === 'RHV' ? [['RHV', 'guest']] : [];
  return [
    ...rhv,
    ...FIRMWARE.filter(([file, texts]) => texts.includes(value(file))).map(
      ([, , tech]) => [tech, 'guest'] as const,
    ),
  ];
}

function kernelEvidence(raw: Raw): Evidence[] {
  const found = (raw.sections.get('virt') ?? '').split('\n');
  const any = (pattern: RegExp) => found.some(entry => pattern.test(entry));
  const evidence: (Evidence | false)[] = [
    any(/^model name.*QEMU Virtual CPU/) && ['kvm', 'guest'],
    any(/^(vendor_id.*User Mode Linux|model name.*UML)/) && ['uml', 'guest'],
    any(/^machine.*CHRP IBM pSeries .emulated by qemu/) && ['kvm', 'guest'],
    any(/^vendor_id.*IBM\/S390/) && ['PR/SM', 'guest'],
    any(/^kvm /) && ['kvm', 'host'],
    any(/^vboxdrv /) && ['virtualbox', 'host'],
    raw.paths.has('/dev/kvm') && ['kvm', 'host'],
  ];
  return evidence.filter((e): e is Evidence => e !== false);
}

function xenEvidence(raw: Raw): Evidence[] {
  if (!raw.paths.has('/proc/xen')) return [];
  return [['xen', lines(raw, '/proc/xen/capabilities').join().includes('control_d') ? 'host' : 'guest']];
}

function virtualFacts(raw: Raw): Facts {
  const evidence = [
    ...containerEvidence(raw),
    ...xenEvidence(raw),
    ...firmwareEvidence(raw),
    ...kernelEvidence(raw),
  ];
  const [tech, side] = evidence[0] ?? ['NA', 'NA'];
  const of = (wanted: Side) => [...new Set(evidence.filter(([, s]) => s === wanted).map(([t]) => t))];
  return {
    virtualization_type: tech,
    virtualization_role: tech === 'PR/SM' ? 'LPAR' : side,
    virtualization_tech_guest: of('guest'),
    virtualization_tech_host: of('host'),
  };
}

// Of the first process's environment only the one variable that names a container is read.
const SCRIPT = `section container
[ -r /proc/1/environ ] && tr '\\0' '\\n' </proc/1/environ 2>/dev/null | grep '^container='
section virt
grep -hsE '^(model name|vendor_id|machine)[[:space:]]*:|^(kvm|vboxdrv) ' /proc/cpuinfo /proc/modules | sort -u`;

export const virtual: Collector = {
  name: 'virtual',
  ids: [
    'virtualization_type',
    'virtualization_role',
    'virtualization_tech_guest',
    'virtualization_tech_host',
  ],
  files: [
    '/proc/1/cgroup',
    '/run/systemd/container',
    '/proc/xen/capabilities',
    ...['product_name', 'product_family', 'sys_vendor', 'bios_vendor'].map(file => `${DMI}/${file}`),
  ],
  paths: ['/proc/vz', '/proc/lve', '/proc/bc', '/proc/xen', '/.dockerenv', '/.dockerinit', '/dev/kvm'],
  script: () => SCRIPT,
  parse: virtualFacts,
};
