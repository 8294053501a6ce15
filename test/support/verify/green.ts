import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from '../../../lib/cluster/deployment.ts';
import { PACKAGE_ROOT } from '../../../lib/source/package-root.ts';
import type { QueryAnswer } from '../../../verify/ask.ts';
import type { Bounds, Check, Reply } from '../../../verify/check.ts';
import { asksOf, type Seen } from '../../../verify/look.ts';
import { judgeSeen, type Result } from '../../../verify/suite.ts';
import { ASK_KINDS, askedBy, type Recorded } from './green-kinds.ts';
import { deploymentFrom } from './sample-deployment.ts';

const folder = join(PACKAGE_ROOT, 'verify', 'checks', 'testdata');
const recorded = JSON.parse(readFileSync(join(folder, 'green.json'), 'utf8')) as Recorded;

let known: Deployment | undefined;

/** The deployment of the recorded lab. */
export function greenDeployment(): Deployment {
  known ??= readGreen();
  return known;
}

function readGreen(): Deployment {
  const file = join(folder, 'hosts.yaml');
  return deploymentFrom(file, recorded.record, [['ansible_memtotal_mb', recorded.memory]]);
}

export interface Case {
  readonly deployment?: (green: Deployment) => Deployment;
  /** By `host name`, or `name` for every host: the new output, or exit code and output, or rows. */
  readonly answers?: Readonly<Record<string, (old: string) => string | readonly [number, string]>>;
  /** By how much the clocks of hosts are before that of this machine. */
  readonly clocks?: Readonly<Record<string, Bounds>>;
  /** Hosts, and nodes whose server, did not answer, and why. */
  readonly lost?: Readonly<Record<string, string>>;
}

/** What a check says about the recorded lab, with some answers changed. */
export function judgeGreen(
  check: Exclude<Check, { act: unknown }>,
  { deployment: change, answers = {}, lost = {}, clocks = {} }: Case = {},
): Result {
  const green = greenDeployment();
  const deployment = change ? change(green) : green;
  const replies = new Map<string, Map<string, Reply>>();
  const rows = new Map<string, Map<string, QueryAnswer>>();
  const used = new Set<string>();
  for (const kind of ASK_KINDS) {
    for (const host of askedBy(check, kind, deployment)) {
      for (const [name, command] of Object.entries(asksOf(check, kind, deployment, host))) {
        const [rc, number] = recorded.answers[[check.id, kind, host, name].join('|')] ?? [0, -1];
        // Files of the roles are compared with what the roles write today: a recording would be of another day.
        const written = check.id === 'boot.files' ? deployment.files.get(host)?.get(name)?.[0] : undefined;
        const old = written?.trimEnd() ?? recorded.texts[number] ?? '';
        const key = [`${kind} ${host} ${name}`, `${host} ${name}`, name].find(k => answers[k] !== undefined);
        if (key !== undefined) used.add(key);
        const next = key === undefined ? old : answers[key]!(old);
        const [code, output] = typeof next === 'string' ? [rc, next] : next;
        if (kind === 'sql' || kind === 'primarySql') {
          const of = rows.get(host) ?? new Map<string, QueryAnswer>();
          of.set(command, code === 0 ? { rows: JSON.parse(output || '[]') as unknown[] } : { error: output });
          rows.set(host, of);
        } else {
          const of = replies.get(host) ?? new Map<string, Reply>();
          of.set(command, { host, command, rc: code, output });
          replies.set(host, of);
        }
      }
    }
  }
  for (const key of Object.keys(answers))
    if (!used.has(key)) throw new Error(`${check.id} asks nothing called ${key}`);
  const seen: Seen = {
    replies,
    rows,
    clocks: new Map(Object.entries(clocks)),
    lostHosts: new Map(Object.entries(lost)),
    lostServers: new Map(Object.entries(lost)),
  };
  return judgeSeen(check, deployment, seen);
}
