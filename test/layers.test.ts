import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect } from 'chai';

/** Highest first: a folder of lib/ imports only from itself and from folders below it. */
const LAYERS = [
  'cli',
  'lint',
  'cluster',
  'report',
  'engine',
  'playbook',
  'cluster/modules',
  'modules',
  'modules/kit',
  'inventory',
  'templating',
  'transport',
  'source',
];
/** Throw-away hosts stand aside: only the command line may make them. */
const LAB_USERS = new Set(['cli', 'lab']);
/**
 * What verify/ and bench/ may import of lib/. Never the modules: a verifier that shares a module's probe shares its
 * bugs.
 */
const OUTSIDE_MAY_USE = new Set(['cluster', 'inventory', 'templating', 'transport', 'source']);

const root = resolve(import.meta.dirname, '..');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly file: string;
  /** The file imported. */
  readonly target: string;
}

function imports(): Import[] {
  return ['lib', 'verify', 'bench'].flatMap(top =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .flatMap(name => {
        const file = join(root, top, name);
        const targets = [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(
          m => m[1]!,
        );
        return targets.map(target => ({
          from: folder(file),
          to: folder(resolve(dirname(file), target)),
          file: relative(root, file),
          target: relative(root, resolve(dirname(file), target)),
        }));
      }),
  );
}

/** `lib/engine/x.ts` → `engine`, `lib/modules/kit/x.ts` → `modules/kit`, `verify/x.ts` → `verify`. */
function folder(file: string): string {
  const parts = relative(root, file).split(sep);
  if (parts[0] !== 'lib') return parts[0]!;
  const two = `${parts[1]}/${parts[2]}`;
  return LAYERS.includes(two) ? two : parts[1]!;
}

function mistake({ from, to, file }: Import): string | undefined {
  if (from === to) return undefined;
  // The program: it names the commands of all parts.
  if (file === join('lib', 'cli', 'command-table.ts')) return undefined;
  // Breaking the suite and the cluster is a test of its own, run by hand.
  if (to === 'test' && file.startsWith(join('verify', 'mutations'))) return undefined;
  if (to === 'test') return `${file} imports test support: move what it needs into the product`;
  if (to === 'lab') return LAB_USERS.has(from) ? undefined : `${file} imports lab: only lib/cli may`;
  if (from === 'verify' || from === 'bench') {
    return OUTSIDE_MAY_USE.has(to)
      ? undefined
      : `${file} imports ${to}: ask the host by way of lib/cluster instead, and share what both need there`;
  }
  if (from === 'lab') return undefined;
  return LAYERS.indexOf(to) > LAYERS.indexOf(from)
    ? undefined
    : `${file} imports ${to}, which is above ${from}: move what both need below them`;
}

/** Files that lead back to themselves by what they import, one list a circle (Tarjan's algorithm). */
function circles(all: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of all) targets.set(file, [...(targets.get(file) ?? []), target]);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const next of targets.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (open.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of targets.keys()) if (!order.has(file)) visit(file);
  return found;
}

/** How many files a folder holds, so that a reader takes it in at a glance. */
const MOST_FILES = 30;

/** Folder → how many files stand in it. */
function fileCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const top of ['lib', 'verify', 'bench', 'test'])
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      const at = relative(root, entry.parentPath);
      if (entry.isFile()) counts.set(at, (counts.get(at) ?? 0) + 1);
    }
  return counts;
}

it('no folder holds more files than a reader takes in', () => {
  const full = [...fileCounts()].filter(([, count]) => count > MOST_FILES);
  expect(full.map(([at, count]) => `${at} holds ${count} files: split it by idea`)).to.deep.equal([]);
});

describe('layers', () => {
  const all = imports();

  it('look only down', () => {
    expect(all.length).to.be.greaterThan(100);
    expect(all.map(mistake).filter(Boolean)).to.deep.equal([]);
  });

  it('have no file that leads back to itself, by types either', () => {
    const back = circles(all).map(
      circle => `move what these share into a file of its own: ${circle.join(', ')}`,
    );
    expect(back).to.deep.equal([]);
  });

  it('find a circle', () => {
    const edge = (file: string, target: string) => ({ from: '', to: '', file, target });
    expect(circles([edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('d', 'a')])).to.deep.equal([
      ['a', 'b', 'c'],
    ]);
  });
});
