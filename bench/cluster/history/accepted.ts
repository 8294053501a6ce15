import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** From this run on the cluster is as fast as it is meant to be: what is compared begins anew. */
export interface Accepted {
  /** The first run of the new level. */
  readonly id: string;
  /** `workload/nodes`; all measurements when not given. */
  readonly measurement?: string;
  readonly at: string;
  readonly by: string;
  readonly reason: string;
}

const fileIn = (dir: string): string => join(dir, 'accepted.jsonl');

export function readAccepted(dir: string): readonly Accepted[] {
  if (!existsSync(fileIn(dir))) return [];
  return readFileSync(fileIn(dir), 'utf8')
    .split('\n')
    .flatMap(line => {
      try {
        const value = JSON.parse(line) as Partial<Accepted> | null;
        return typeof value?.id === 'string' ? [value as Accepted] : [];
      } catch {
        return [];
      }
    });
}

export function accept(dir: string, entry: Accepted): void {
  appendFileSync(fileIn(dir), `${JSON.stringify(entry)}\n`);
}
