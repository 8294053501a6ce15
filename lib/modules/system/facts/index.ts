import { fnmatch } from '../../../source/fnmatch.ts';
import { emptyRecord } from '../../../source/record.ts';
import type { Json } from '../../../source/value.ts';
import { ModuleError } from '../../kit/define.ts';
import type { Collector, Facts, Raw } from './collector.ts';
import { distribution, pkgMgr, serviceMgr } from './distribution.ts';
import { local } from './local.ts';
import { memoryAndCpu } from './memory-cpu.ts';
import { network } from './network.ts';
import { dateTime, platform, python, user } from './platform.ts';
import { storage } from './storage.ts';
import { apparmor, caps, cmdline, dns, env, extras, fips, lsb, selinux, sshPubKeys } from './system.ts';
import { virtual } from './virtual.ts';

/** Gathered whatever the subset, unless `!min` excludes them. Order matters: later ones know what earlier ones found. */
const MINIMAL: readonly Collector[] = [
  platform,
  distribution,
  pkgMgr,
  serviceMgr,
  user,
  env,
  dateTime,
  cmdline,
  dns,
  fips,
  lsb,
  local,
  selinux,
  apparmor,
  caps,
  sshPubKeys,
  python,
];

const HARDWARE_IDS = ['processor', 'processor_cores', 'processor_count', 'mounts', 'devices'];
const OTHERS: readonly Collector[] = [memoryAndCpu, storage, network, virtual, ...extras];
const ALL: readonly Collector[] = [...MINIMAL, ...OTHERS];

const idsOf = (collector: Collector) => [
  collector.name,
  ...(collector.ids ?? []),
  ...(collector.name === 'hardware' ? HARDWARE_IDS : []),
];

/** Collectors of other programs that are valid subset names and give nothing here. */
const FOREIGN = ['facter', 'ohai'];
const VALID: ReadonlySet<string> = new Set([...ALL.flatMap(idsOf), ...FOREIGN]);

/**
 * The collectors that a `gather_subset` means: the minimal ones always, then what is added, then less what `!` excludes;
 * a name that is given outright stays even when a wider exclusion covers it.
 */
export function selectCollectors(subset: readonly string[]): readonly Collector[] {
  const minimal = new Set(MINIMAL.flatMap(c => [c.name]));
  const added = new Set(minimal);
  const excluded = new Set<string>();
  const outright = new Set<string>();
  for (const entry of subset.length > 0 ? subset : ['all']) {
    if (entry === 'min') continue;
    if (entry === 'all') for (const name of VALID) added.add(name);
    else if (entry === '!min') for (const name of minimal) excluded.add(name);
    else if (entry === '!all') for (const name of VALID) minimal.has(name) || excluded.add(name);
    else if (entry.startsWith('!')) {
      const name = entry.slice(1);
      for (const id of ALL.filter(c => c.name === name).flatMap(idsOf)) excluded.add(id);
      excluded.add(name);
    } else if (VALID.has(entry)) {
      added.add(entry);
      outright.add(entry);
    } else {
      const options = [...VALID].sort().join(', ');
      throw new ModuleError(
        `Bad subset '${entry}' given to Ansible. gather_subset options allowed: all, ${options}`,
      );
    }
  }
  const kept = new Set([...added].filter(id => outright.has(id) || !excluded.has(id)));
  return ALL.filter(collector => idsOf(collector).some(id => kept.has(id)));
}

/** Facts that others need to be known first, gathered silently. */
export function withRequired(selected: readonly Collector[]): readonly Collector[] {
  const needsOs = selected.includes(pkgMgr) || selected.includes(serviceMgr);
  return needsOs && !selected.includes(distribution)
    ? ALL.filter(c => c === distribution || selected.includes(c))
    : selected;
}

/** Facts of all collectors, in order. */
export function parseFacts(collectors: readonly Collector[], raw: Raw): Facts {
  const known: Facts = emptyRecord();
  for (const collector of collectors) Object.assign(known, collector.parse(raw, known));
  return known;
}

/** The facts whose names (with or without `ansible_`) match one of the shell patterns; all when there is none. */
export function filterFacts(facts: Facts, patterns: readonly string[]): Facts {
  const wanted = patterns.filter(p => p !== '' && p !== '*').map(fnmatch);
  if (wanted.length === 0 || wanted.length < patterns.length) return facts;
  const matches = ([name]: [string, Json]) => wanted.some(p => p.test(`ansible_${name}`) || p.test(name));
  return Object.fromEntries(Object.entries(facts).filter(matches));
}
