import { type DatabaseNode, type Deployment, nodesOf } from '../lib/cluster/deployment.ts';
import type { Hosts } from '../lib/cluster/hosts.ts';
import type { Databases } from '../lib/cluster/sql.ts';
import { messageOf } from '../lib/source/errors.ts';
import {
  askScript,
  boundedScript,
  parseAnswers,
  parseQueryAnswers,
  type QueryAnswer,
  queryScript,
} from './ask.ts';
import type { Asks, Bounds, Check, Reply } from './check.ts';
import { subjectsOf } from './subjects.ts';

/** How long one read of a shared disk may take: half of what a command may take, and never long. */
const DISK_SECONDS = 4;

/** The host's clock before everything else that is asked, and after it. */
const FIRST = 'date +%s.%N';
const LAST = 'date +%s.%N; :';

/** What a look at all hosts brought: each command and each query by its text, asked once however many checks want it. */
export interface Seen {
  readonly replies: ReadonlyMap<string, ReadonlyMap<string, Reply>>;
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, QueryAnswer>>;
  /** By how many seconds the clock of a host is before this machine's. */
  readonly clocks: ReadonlyMap<string, Bounds>;
  /** Hosts that did not answer, and why. */
  readonly lostHosts: ReadonlyMap<string, string>;
  /** Nodes whose server did not answer, and why. */
  readonly lostServers: ReadonlyMap<string, string>;
}

interface Questions {
  readonly commands: Set<string>;
  readonly disk: Set<string>;
  readonly queries: Set<string>;
}

/** The commands or queries of a check at one host, by the check's own names for them. */
export function asksOf(
  check: Check,
  kind: 'asks' | 'diskAsks' | 'storageAsks' | 'primaryAsks' | 'sql' | 'primarySql',
  deployment: Deployment,
  host: string,
): Asks {
  const asks = check[kind];
  if (typeof asks !== 'function') return asks ?? {};
  return asks({ deployment, host, node: nodesOf(deployment).find(node => node.host === host) });
}

/** Asks all hosts at the same time everything that the checks want to know. */
export async function look(
  checks: readonly Check[],
  deployment: Deployment,
  hosts: Hosts,
  databases: Databases,
  signal: AbortSignal,
): Promise<Seen> {
  const questions = questionsOf(checks, deployment);
  const replies = new Map<string, Map<string, Reply>>();
  const rows = new Map<string, ReadonlyMap<string, QueryAnswer>>();
  const clocks = new Map<string, Bounds>();
  const lostHosts = new Map<string, string>();
  const lostServers = new Map<string, string>();
  await Promise.all(
    [...questions].map(async ([host, asked]) => {
      const known = new Map<string, Reply>();
      replies.set(host, known);
      const node = nodesOf(deployment).find(n => n.host === host);
      const commands = askHost(hosts, host, asked, known, signal).then(
        bounds => clocks.set(host, bounds),
        (error: unknown) => lostHosts.set(host, messageOf(error)),
      );
      const queries =
        node && asked.queries.size > 0
          ? askServer(databases, node, [...asked.queries], signal).then(
              answers => rows.set(host, answers),
              (error: unknown) => lostServers.set(host, messageOf(error)),
            )
          : undefined;
      await Promise.all([commands, queries]);
    }),
  );
  return { replies, rows, clocks, lostHosts, lostServers };
}

function questionsOf(checks: readonly Check[], deployment: Deployment): ReadonlyMap<string, Questions> {
  const all = new Map<string, Questions>();
  const of = (host: string) => {
    const known = all.get(host) ?? { commands: new Set(), disk: new Set(), queries: new Set() };
    all.set(host, known);
    return known;
  };
  const add = (to: Set<string>, asks: Asks) => {
    for (const text of Object.values(asks)) to.add(text);
  };
  const storage = deployment.storage.host;
  const primary = deployment.primary.host;
  for (const check of checks) {
    for (const host of subjectsOf(check.on, deployment)) {
      add(of(host).commands, asksOf(check, 'asks', deployment, host));
      add(of(host).disk, asksOf(check, 'diskAsks', deployment, host));
      add(of(host).queries, asksOf(check, 'sql', deployment, host));
    }
    add(of(storage).commands, asksOf(check, 'storageAsks', deployment, storage));
    add(of(primary).commands, asksOf(check, 'primaryAsks', deployment, primary));
    add(of(primary).queries, asksOf(check, 'primarySql', deployment, primary));
  }
  return all;
}

async function askHost(
  hosts: Hosts,
  host: string,
  asked: Questions,
  known: Map<string, Reply>,
  signal: AbortSignal,
): Promise<Bounds> {
  const keep = (commands: readonly string[], stdout: Buffer) =>
    parseAnswers(stdout).forEach((answer, i) => {
      known.set(commands[i]!, { host, command: commands[i]!, ...answer });
    });
  const commands = [...asked.commands];
  // There is much to ask: a machine under load may take twice as long as for a command, and its answers are kept.
  const patience = { signal, timeoutMs: 2 * hosts.timeoutMs };
  const began = Date.now() / 1000;
  const reply = await hosts.partial(host, askScript([FIRST, ...commands, LAST]), patience);
  const ended = Date.now() / 1000;
  keep([FIRST, ...commands, LAST], reply.stdout);
  if (!known.has(FIRST)) {
    const said = reply.stderr.toString().trim().split('\n').at(-1);
    throw new Error(said || 'no answer');
  }
  const unanswered = commands.find(command => !known.has(command));
  if (unanswered !== undefined) throw new Error(`no answer in time to: ${unanswered}`);
  // The first moment of the host lies after the start, its last one before the end.
  const moment = (of: string) => Number.parseFloat(known.get(of)?.output ?? '');
  const bounds = { least: moment(LAST) - ended || -Infinity, most: moment(FIRST) - began || Infinity };
  if (asked.disk.size === 0) return bounds;
  const disk = [...asked.disk];
  const seconds = Math.max(1, Math.min(DISK_SECONDS, Math.floor(hosts.timeoutMs / 2000)));
  keep(disk, (await hosts.partial(host, boundedScript(disk, seconds), { signal })).stdout);
  return bounds;
}

async function askServer(
  databases: Databases,
  node: DatabaseNode,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, QueryAnswer>> {
  const { text, mark } = queryScript(queries, databases.statementMs);
  const answers = parseQueryAnswers(await databases.readAll(node.host, text, mark, queries, signal), mark);
  return new Map([...answers].flatMap(([i, answer]) => (queries[i] ? [[queries[i], answer] as const] : [])));
}
