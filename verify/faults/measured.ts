import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subject } from '../findings.ts';
import type { Measured } from './faults-page.ts';

const FOLDER = join(import.meta.dirname, 'measured');

/** Where the figures of a kind of deployment lie. */
export function measuredFile({ deployment, standIn }: Subject): string {
  const version = /\d+/.exec(deployment)?.[0] ?? '';
  return join(FOLDER, `${standIn ? 'stand-in' : 'polardb'}-${version}.json`);
}

/** All that was measured, the stand-in last. */
export function measuredResults(): readonly Measured[] {
  return readdirSync(FOLDER)
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Measured);
}
