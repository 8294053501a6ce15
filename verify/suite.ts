import { type Deployment, nodesOf } from '../lib/cluster/deployment.ts';
import { withDeadline } from '../lib/cluster/eventually.ts';
import type { Hosts } from '../lib/cluster/hosts.ts';
import type { Databases } from '../lib/cluster/sql.ts';
import { messageOf } from '../lib/source/errors.ts';
import {
  type Asks,
  type Check,
  type Doing,
  type Fault,
  type Figure,
  layerOf,
  type Place,
  type Reply,
  type Sight,
  type Sights,
  type View,
} from './check.ts';
import { type Finding, RUN_ENDED, type Waiting } from './findings.ts';
import { asksOf, look, type Seen } from './look.ts';
import { subjectsOf } from './subjects.ts';

export interface SuiteOptions {
  readonly reach: Hosts;
  readonly databases: Databases;
  readonly runId: string;
  /** Time limit of each check that does something, beside what it says it needs. */
  readonly timeoutMs: number;
  /** Until when the cluster may settle, by `performance.now()`. */
  readonly settleBy: number;
  /** Until when everything must be known. */
  readonly endBy: number;
  /** Gets each finding as it comes. */
  readonly onFinding?: (finding: Finding) => void;
  /** What the suite does now, for people who wait. */
  readonly onProgress?: (text: string) => void;
  /** Stops the suite: the running check is cancelled, the rest is not started. */
  readonly signal?: AbortSignal;
}

const LOOK_EVERY_MS = 500;

/** Looks at all hosts once, judges, does what the active checks do, and gives back a finding for each check. */
export async function runChecks(
  checks: readonly Check[],
  deployment: Deployment,
  options: SuiteOptions,
): Promise<readonly Finding[]> {
  const stop = options.signal ?? new AbortController().signal;
  const end = AbortSignal.any([
    stop,
    AbortSignal.timeout(Math.max(1, Math.ceil(options.endBy - performance.now()))),
  ]);
  const applying = checks.filter(check => check.skip?.(deployment) === undefined);
  const { seen, held } = await settle(applying, deployment, options, end);
  const judged = new Judged();
  const findings: Finding[] = [];
  for (const check of checks) {
    const started = performance.now();
    const skip = check.skip?.(deployment);
    const hosts = subjectsOf(check.on, deployment);
    const about = { ...headOf(check), hosts };
    let finding: Finding;
    if (skip !== undefined) {
      finding = { ...about, durationMs: 0, figures: [], notLookedAt: [], verdict: 'skipped', reason: skip };
    } else {
      if ('act' in check) options.onProgress?.(check.title);
      const result = await judge(check, deployment, seen, judged, options, end);
      judged.keep(check, result);
      const timeToTrueMs = held.get(check.id);
      finding = {
        ...about,
        durationMs: performance.now() - started,
        ...(timeToTrueMs === undefined ? {} : { timeToTrueMs }),
        figures: result.figures,
        notLookedAt: result.waiting,
        ...verdictOf(check, result),
      };
    }
    findings.push(finding);
    options.onFinding?.(finding);
  }
  return findings;
}

function headOf(check: Check) {
  return { id: check.id, layer: layerOf(check), title: check.title, severity: check.severity };
}

/** What came of a check. */
export interface Result {
  readonly faults: readonly Fault[];
  readonly waiting: readonly Waiting[];
  readonly figures: readonly Figure[];
  readonly skipped: readonly string[];
  readonly lookedAt: number;
}

function verdictOf(check: Check, { faults, waiting, skipped, lookedAt }: Result) {
  if (faults.length > 0) return { verdict: 'failed', faults, todo: check.todo } as const;
  if (waiting.length > 0) return { verdict: 'waiting' } as const;
  const [reason] = skipped;
  if (reason !== undefined && (skipped.length >= lookedAt || 'act' in check))
    return { verdict: 'skipped', reason } as const;
  if (lookedAt > 0) return { verdict: 'passed' } as const;
  const fault = {
    host: '',
    expected: 'a host to look at',
    found: 'the check concerns no host of this cluster',
  };
  return { verdict: 'failed', faults: [fault], todo: check.todo } as const;
}

/** Where each check that was judged failed, or could not be looked at. */
class Judged {
  readonly #bad = new Map<string, ReadonlyMap<string, string>>();

  keep(check: Check, { faults, waiting }: Result): void {
    const bad = new Map<string, string>();
    for (const { host, waitsFor } of waiting) bad.set(host, waitsFor);
    for (const { host } of faults) bad.set(host, check.id);
    this.#bad.set(check.id, bad);
  }

  /** The check that a need of a host waits for, itself or one below it. */
  unmet(need: string, host: string, { storage, primary }: Deployment): string | undefined {
    const [id = '', where] = need.split('@');
    const at = where === 'storage' ? storage.host : where === 'primary' ? primary.host : host;
    return this.#bad.get(id)?.get(at);
  }
}

/**
 * Looks, and looks again as long as something may still come true by itself. Only what settles is asked again; when it
 * has come true, or time is up, everything is seen anew, so that all verdicts are about one moment.
 */
async function settle(
  checks: readonly Check[],
  deployment: Deployment,
  options: SuiteOptions,
  signal: AbortSignal,
): Promise<{ seen: Seen; held: ReadonlyMap<string, number> }> {
  const { reach, databases, settleBy, onProgress } = options;
  const started = performance.now();
  const held = new Map<string, number>();
  onProgress?.(`asking ${deployment.storage.host} and ${nodesOf(deployment).length} nodes`);
  const seen = await look(checks, deployment, reach, databases, signal);
  const settling = checks.filter(check => check.settles);
  let open = await unsettled(settling, deployment, seen, options, signal);
  if (open.length === 0) return { seen, held };
  while (open.some(o => o.hope) && performance.now() < settleBy && !signal.aborted) {
    onProgress?.(
      `waiting for the cluster to settle, at most ${Math.ceil((settleBy - performance.now()) / 1000)} s more: ${open[0]!.what}`,
    );
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
    const again = await look(settling, deployment, reach, databases, signal);
    const still = await unsettled(settling, deployment, again, options, signal);
    for (const { id } of open)
      if (!still.some(o => o.id === id)) held.set(id, Math.round(performance.now() - started));
    open = still;
  }
  if (held.size === 0 && open.length > 0) return { seen, held };
  return { seen: await look(checks, deployment, reach, databases, signal), held };
}

/** The checks that do not hold yet, and whether waiting may help. */
async function unsettled(
  checks: readonly Check[],
  deployment: Deployment,
  seen: Seen,
  options: SuiteOptions,
  signal: AbortSignal,
): Promise<readonly { id: string; what: string; hope: boolean }[]> {
  const judged = new Judged();
  const open: { id: string; what: string; hope: boolean }[] = [];
  for (const check of checks) {
    const result = await judge(check, deployment, seen, judged, options, signal);
    judged.keep(check, result);
    const [fault] = result.faults;
    if (fault) {
      const hope = result.faults.some(f => !f.final);
      open.push({ id: check.id, what: `${fault.host}: ${fault.found}`, hope });
    }
  }
  return open;
}

async function judge(
  check: Check,
  deployment: Deployment,
  seen: Seen,
  judged: Judged,
  options: SuiteOptions,
  signal: AbortSignal,
): Promise<Result> {
  if (!('act' in check)) return judgeSeen(check, deployment, seen, judged);
  const collected = new Collected();
  const ready = readyHosts(check, deployment, judged, collected);
  // Without a replica the others are still worth it; without the primary nothing can be written.
  const primary = deployment.primary.host;
  const able = ready.includes(primary) || !subjectsOf(check.on, deployment).includes(primary);
  if (ready.length > 0 && able) await act(check, deployment, ready, collected, options, signal);
  return { ...collected, lookedAt: ready.length };
}

/** The hosts of a check whose needs are met; the others wait. */
function readyHosts(
  check: Check,
  deployment: Deployment,
  judged: Judged,
  collected: Collected,
): readonly string[] {
  return subjectsOf(check.on, deployment).filter(host => {
    const unmet = (check.needs ?? [])
      .map(need => judged.unmet(need, host, deployment))
      .find(id => id !== undefined);
    if (unmet !== undefined) collected.wait(host, unmet);
    return unmet === undefined;
  });
}

/** The verdict on what was seen, without asking anybody. */
export function judgeSeen(
  check: Exclude<Check, { act: unknown }>,
  deployment: Deployment,
  seen: Seen,
  judged = new Judged(),
): Result {
  const collected = new Collected();
  const ready = readyHosts(check, deployment, judged, collected);
  if ('judge' in check) {
    for (const host of ready)
      collected.about(host, () => check.judge(sightOf(check, deployment, host, seen, collected)));
    return { ...collected, lookedAt: ready.length };
  }
  const sights = ready.flatMap(host => {
    const lost = seen.lostHosts.has(host)
      ? 'host.answers'
      : seen.lostServers.has(host) && check.sql
        ? 'database.answers'
        : undefined;
    if (lost === undefined) return [sightOf(check, deployment, host, seen, collected)];
    collected.wait(host, lost);
    return [];
  });
  if (sights.length > 0)
    collected.about(sights[0]!.host, () =>
      check.across(sightsOf(check, deployment, sights, seen, collected)),
    );
  return { ...collected, lookedAt: ready.length };
}

/** Thrown where a view has no answer to give because a host, or a check below, gave none. */
class NotSeen extends Error {
  readonly waitsFor: string;
  constructor(waitsFor: string, message: string) {
    super(message);
    this.waitsFor = waitsFor;
  }
}

/** Thrown where an answer is itself the fault. */
class FaultFound extends Error {
  readonly fault: Omit<Fault, 'host'>;
  constructor(fault: Omit<Fault, 'host'>) {
    super(fault.found);
    this.fault = fault;
  }
}

class Collected {
  readonly faults: Fault[] = [];
  readonly waiting: Waiting[] = [];
  readonly figures: Figure[] = [];
  readonly skipped: string[] = [];

  wait(host: string, waitsFor: string, reason = `waits for ${waitsFor}`): void {
    this.waiting.push({ host, waitsFor, reason });
  }

  /** Judges about one host; an answer that is missing or wrong ends that. */
  about(host: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof NotSeen) this.wait(host, error.waitsFor, error.message);
      else if (error instanceof FaultFound) this.faults.push({ host, ...error.fault });
      else throw error;
    }
  }
}

type Kinds = { commands: readonly Asks[]; queries: Asks };

class SeenView implements View {
  readonly host: string;
  readonly #seen: Seen;
  readonly #kinds: Kinds;
  readonly #onReply: (reply: Reply) => void;

  constructor(host: string, seen: Seen, kinds: Kinds, onReply: (reply: Reply) => void) {
    this.host = host;
    this.#seen = seen;
    this.#kinds = kinds;
    this.#onReply = onReply;
  }

  reply(name: string): Reply {
    const command = this.#kinds.commands.map(asks => asks[name]).find(text => text !== undefined);
    if (command === undefined) throw new TypeError(`the check asks nothing called ${name}`);
    const reply = this.#seen.replies.get(this.host)?.get(command);
    if (!reply) throw new NotSeen('host.answers', `${this.host} gave no answer to: ${command}`);
    this.#onReply(reply);
    return reply;
  }

  out(name: string): string {
    const reply = this.reply(name);
    if (reply.rc === 0) return reply.output;
    const said = reply.output.trim().split('\n').at(-1);
    const found =
      reply.rc === 124 || reply.rc === 137
        ? 'no answer in time'
        : `exit ${reply.rc}${said ? `: ${said}` : ''}`;
    throw new FaultFound({ expected: 'the command works', found, reply });
  }

  rows<Row>(name: string): readonly Row[] {
    const query = this.#kinds.queries[name];
    if (query === undefined) throw new TypeError(`the check has no query called ${name}`);
    const lost = this.#seen.lostServers.get(this.host);
    const answer = this.#seen.rows.get(this.host)?.get(query);
    if (lost !== undefined || !answer)
      throw new NotSeen('database.answers', `${this.host}: ${lost ?? 'the server ended before it answered'}`);
    const reply = { host: this.host, command: query, rc: 'rows' in answer ? 0 : 1 };
    if ('error' in answer)
      throw new FaultFound({
        expected: 'the query works',
        found: answer.error,
        reply: { ...reply, output: answer.error },
      });
    this.#onReply({ ...reply, output: JSON.stringify(answer.rows) });
    return answer.rows as readonly Row[];
  }

  row<Row>(name: string): Row {
    const [row] = this.rows<Row>(name);
    if (row === undefined) throw new FaultFound({ expected: 'a row', found: 'none' });
    return row;
  }
}

function sightOf(
  check: Check,
  deployment: Deployment,
  host: string,
  seen: Seen,
  collected: Collected,
): Sight & { readonly lastReply: () => Reply | undefined } {
  let last: Reply | undefined;
  const onReply = (reply: Reply) => {
    last = reply;
  };
  const place: Place = { deployment, host, node: nodesOf(deployment).find(node => node.host === host) };
  const view = (at: string, kinds: Kinds) => new SeenView(at, seen, kinds, onReply);
  const kind = (name: Parameters<typeof asksOf>[1], at: string) => asksOf(check, name, deployment, at);
  const own = view(host, {
    commands: [kind('asks', host), kind('diskAsks', host)],
    queries: kind('sql', host),
  });
  const storage = deployment.storage.host;
  const primary = deployment.primary.host;
  return {
    ...place,
    reached: { host: seen.lostHosts.get(host), server: seen.lostServers.get(host) },
    clock: seen.clocks.get(host),
    out: name => own.out(name),
    reply: name => own.reply(name),
    rows: name => own.rows(name),
    row: name => own.row(name),
    storage: view(storage, { commands: [kind('storageAsks', storage)], queries: {} }),
    primary: view(primary, {
      commands: [kind('primaryAsks', primary)],
      queries: kind('primarySql', primary),
    }),
    check: (ok, expected, found, more) => {
      if (!ok) collected.faults.push({ host, expected, found: String(found), reply: last, ...more });
    },
    note: figure => collected.figures.push({ ...figure, host }),
    skip: reason => collected.skipped.push(reason),
    lastReply: () => last,
  };
}

function sightsOf(
  check: Check,
  deployment: Deployment,
  sights: readonly (Sight & { readonly lastReply: () => Reply | undefined })[],
  seen: Seen,
  collected: Collected,
): Sights {
  const fault = (host: string, ok: boolean, expected: string, found: string | number) => {
    const reply = sights.find(sight => sight.host === host)?.lastReply();
    if (!ok) collected.faults.push({ host, expected, found: String(found), reply });
  };
  const { storage, primary } = sightOf(check, deployment, sights[0]!.host, seen, collected);
  return {
    deployment,
    hosts: sights,
    storage,
    primary,
    check: fault,
    same: (what, values) => {
      const usual = usualValue(values, deployment.primary.host);
      for (const [host, value] of values)
        fault(host, value === usual, `${what} ${usual}, as on ${othersWith(values, usual)}`, value);
    },
    note: figure => collected.figures.push(figure),
  };
}

/** What most hosts say; on a draw the one that the primary says. */
function usualValue(values: ReadonlyMap<string, string>, primary: string): string {
  const counts = new Map<string, number>();
  for (const value of values.values()) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const usual = [...counts].filter(([, count]) => count === most).map(([value]) => value);
  const primarys = values.get(primary);
  return primarys !== undefined && usual.includes(primarys) ? primarys : usual[0]!;
}

function othersWith(values: ReadonlyMap<string, string>, usual: string): string {
  return [...values]
    .filter(([, value]) => value === usual)
    .map(([host]) => host)
    .join(', ');
}

/** Lets a check do its work within its time, and undoes what it left, whatever came of it. */
async function act(
  check: Extract<Check, { act: unknown }>,
  deployment: Deployment,
  hosts: readonly string[],
  collected: Collected,
  { reach, databases, runId, timeoutMs }: SuiteOptions,
  signal: AbortSignal,
): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const doing = (until: AbortSignal): Doing => ({
    deployment,
    hosts,
    signal: until,
    runId,
    reach,
    databases,
    check: (host, ok, expected, found, reply) => {
      if (!ok) collected.faults.push({ host, expected, found: String(found), reply });
    },
    note: figure => collected.figures.push(figure),
    cleanUp: work => undo.unshift(work),
    skip: reason => collected.skipped.push(reason),
  });
  try {
    await withDeadline(until => check.act(doing(until)), timeoutMs + (check.extraMs ?? 0), signal);
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    const host = (error as { host?: string }).host ?? hosts[0] ?? '';
    // The run's own end is nobody's fault: what it cut off was not looked at.
    if (signal.aborted && collected.faults.length === 0)
      collected.wait(host, RUN_ENDED, messageOf(signal.reason));
    else collected.faults.push({ host, expected: check.expects, found: messageOf(error) });
  }
  for (const work of undo) {
    // What a run that is interrupted has made is removed as well, so no signal stops this.
    await withDeadline(work, timeoutMs).catch((error: unknown) => {
      collected.faults.push({
        host: hosts[0] ?? '',
        expected: 'nothing of this run stays behind',
        found: messageOf(error),
      });
    });
  }
}
