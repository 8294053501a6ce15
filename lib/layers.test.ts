import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect } from 'chai';

/** Highest first: a folder imports only from itself and from folders below it. */
const LAYERS = [
  'cli',
  'report',
  'engine',
  'playbook',
  'modules',
  'inventory',
  'templating',
  'transport',
  'source',
];
/** Stand aside: who may import them, and what they may import. */
const LAB_USERS = new Set(['cli', 'lab']);
const OUTSIDE_MAY_USE = new Set(['inventory', 'templating', 'transport', 'source']);

const root = resolve(import.meta.dirname, '..');

function imports(): { readonly from: string; readonly to: string; readonly file: string }[] {
  return ['lib', 'verify', 'bench'].flatMap(top =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
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

/** `lib/engine/x.ts` → `engine`, `verify/x.ts` → `verify`. */
function folder(file: string): string {
  const parts = relative(root, file).split(sep);
  return parts[0] === 'lib' ? parts[1]! : parts[0]!;
}

function mistake({ from, to, file }: ReturnType<typeof imports>[number]): string | undefined {
  if (from === to || file === join('lib', 'layers.test.ts')) return undefined;
  // The program: it names the commands of all parts.
  if (file === join('lib', 'cli', 'main.ts')) return undefined;
  if (to === 'lab') return LAB_USERS.has(from) ? undefined : `${file} imports lab`;
  if (from === 'verify' || from === 'bench') {
    return OUTSIDE_MAY_USE.has(to) || to === 'verify' || to === 'bench' ? undefined : `${file} imports ${to}`;
  }
  if (from === 'lab') return undefined;
  return LAYERS.indexOf(to) > LAYERS.indexOf(from)
    ? undefined
    : `${file} imports ${to}, which is above ${from}`;
}

describe('layers', () => {
  it('look only down', () => {
    const all = imports();
    expect(all.length).to.be.greaterThan(100);
    expect(all.map(mistake).filter(Boolean)).to.deep.equal([]);
  });
});
