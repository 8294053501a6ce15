import { readFileSync } from 'node:fs';
import { UsageError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';

export interface HostAnswer {
  readonly name: string;
  readonly address: string;
  readonly port: number | undefined;
}

/** All that the files of a new cluster depend on. */
export interface ClusterAnswers {
  readonly storage: HostAnswer;
  readonly disks: readonly string[];
  readonly primary: HostAnswer;
  readonly replicas: readonly HostAnswer[];
  readonly database: Database;
  readonly user: string | undefined;
  readonly privateKey: string | undefined;
  readonly sshArgs: string | undefined;
}

export const DATABASES = ['15', '11', 'stand-in'] as const;
export type Database = (typeof DATABASES)[number];

/** Parts of a cluster that are known so far; what is missing is asked for. */
export interface Hosts {
  storage?: HostAnswer | undefined;
  primary?: HostAnswer | undefined;
  replicas: HostAnswer[];
  disks: string[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const ADDRESS = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

/** `10.0.0.1`, `st1=10.0.0.1`, `st1=10.0.0.1:2222` or `st1=[fd00::1]:2222`. */
export function parseHost(text: string, usualName: string): HostAnswer {
  const [, name = usualName, bracketed, plain, port] =
    /^(?:([^=]*)=)?(?:\[([0-9a-fA-F:]+)\]|([^:]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*))(?::(\d+))?$/.exec(
      text.trim(),
    ) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined || !(ADDRESS.test(address) || /^[0-9a-fA-F:]+$/.test(address)))
    throw new UsageError(`"${text}" is not a host: expected ADDRESS or NAME=ADDRESS[:PORT]`, 5);
  if (!NAME.test(name)) throw new UsageError(`"${name}" cannot be the name of a host`, 5);
  if (port !== undefined && !(Number(port) > 0 && Number(port) < 65536))
    throw new UsageError(`invalid port "${port}" in ${text}`, 5);
  return { name, address, port: port === undefined ? undefined : Number(port) };
}

export function checkDisk(path: string): string {
  if (/^\/dev\/[A-Za-z0-9_./:+-]+$/.test(path) && !path.includes('..')) return path;
  throw new UsageError(`"${path}" is not a disk: expected a path such as /dev/vdb or /dev/disk/by-id/…`, 5);
}

const PARTS = ['storage', 'primary', 'replica'];

/** The file of `--from`: one host a line, `PART NAME ADDRESS[:PORT] [DISK…]`. */
export function readHostsFile(file: string): Hosts {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `--from ${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message}`,
      5,
    );
  }
  const hosts: Hosts = { replicas: [], disks: [] };
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    try {
      addLine(hosts, words);
    } catch (error) {
      throw error instanceof UsageError
        ? new UsageError(`${file}:${index + 1}: ${error.message}`, 5, error.hint)
        : error;
    }
  }
  return hosts;
}

function addLine(hosts: Hosts, [part = '', name = '', address, ...disks]: readonly string[]): void {
  if (!PARTS.includes(part)) {
    const hint = didYouMean(part, PARTS);
    throw new UsageError(
      `"${part}" is not a part of the cluster: expected storage, primary or replica`,
      5,
      hint,
    );
  }
  if (address === undefined) throw new UsageError(`expected "${part} NAME ADDRESS"`, 5);
  const host = parseHost(`${name}=${address}`, '');
  if (part !== 'storage' && disks.length > 0)
    throw new UsageError(`disks belong to the storage host, not to ${name}`, 5);
  if (part === 'replica') hosts.replicas.push(host);
  else if (hosts[part as 'storage' | 'primary']) throw new UsageError(`a second ${part} host`, 5);
  else hosts[part as 'storage' | 'primary'] = host;
  hosts.disks.push(...disks.map(checkDisk));
}

/** Names and addresses are each one host's. */
export function checkDistinct({ storage, primary, replicas }: ClusterAnswers): void {
  const hosts = [storage, primary, ...replicas];
  for (const key of ['name', 'address'] as const) {
    const twice = hosts.find((host, i) =>
      hosts.some(
        (other, j) => j < i && other[key] === host[key] && (key === 'name' || other.port === host.port),
      ),
    );
    if (twice) throw new UsageError(`two hosts have the ${key} ${twice[key]}`, 5);
  }
  if (replicas.length > 29) throw new UsageError('a cluster has at most 30 nodes', 5);
}
