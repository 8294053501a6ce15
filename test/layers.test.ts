import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect } from 'chai';

/** Highest first: a folder of lib/ imports only from itself and from folders below it. */
const LAYERS = [
  'cli',
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
  if (file === join('lib', 'cli', 'main.ts')) return undefined;
  if (to === 'test') return `${file} imports test support: move what it needs into the product`;
  if (to === 'lab') return LAB_USERS.has(from) ? undefined : `${file} imports lab: only lib/cli may`;
  if (from === 'verify' || from === 'bench') {
    return OUTSIDE_MAY_USE.has(to) || to === 'verify' || to === 'bench'
      ? undefined
      : `${file} imports ${to}: ask the host by way of lib/cluster instead`;
  }
  if (from === 'lab') return undefined;
  return LAYERS.indexOf(to) > LAYERS.indexOf(from)
    ? undefined
    : `${file} imports ${to}, which is above ${from}: move what both need below them`;
}

describe('layers', () => {
  it('look only down', () => {
    const all = imports();
    expect(all.length).to.be.greaterThan(100);
    expect(all.map(mistake).filter(Boolean)).to.deep.equal([]);
  });
});
