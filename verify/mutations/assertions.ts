import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';

// npm run verify:assertions [-- --judged]: empties every single assertion of the checks, one after the other, in a copy
// of the project, and prints those that no test notices. Judging checks are tried with the cases of checks.test.ts, the
// ones that do something with the tests of their file; --judged leaves these, which take minutes, out.

/** Tests of the checks that do something. */
const ACTING: Readonly<Record<string, readonly string[]>> = {
  block: ['verify/checks/block.test.ts'],
  data: ['verify/checks/acting.test.ts', 'verify/checks/postgres.test.ts'],
  database: ['verify/checks/acting.test.ts', 'verify/checks/postgres.test.ts'],
  security: ['verify/checks/acting.test.ts'],
  performance: ['verify/performance/performance.test.ts'],
};
const ASSERTION = /(?<![\w.])(?:(at|all)\.(?:check|same)|(?:doing\.)?check)\(/g;

interface Site {
  readonly layer: string;
  readonly line: number;
  readonly text: string;
  readonly acts: boolean;
}

const copy = mkdtempSync(join(tmpdir(), 'polarplay-assertions-'));
try {
  for (const name of [
    'lib',
    'verify',
    'bench',
    'test',
    'inventory',
    'roles',
    'playbooks',
    'package.json',
    'tsconfig.json',
    '.mocharc.json',
  ])
    cpSync(join(PACKAGE_ROOT, name), join(copy, name), { recursive: true, force: true, errorOnExist: false });
  symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(copy, 'node_modules'));
  const sites = instrument(join(copy, 'verify', 'checks'), [join(copy, 'verify', 'every-database.ts')]);
  const survivors = await survivorsOf(sites, process.argv.includes('--judged'));
  for (const { layer, line, text } of survivors) console.log(`${layer}.ts:${line}: no test notices: ${text}`);
  console.log(`${sites.length} assertions, ${survivors.length} of them can be emptied unnoticed`);
  process.exitCode = survivors.length === 0 ? 0 : 2;
} finally {
  rmSync(copy, { recursive: true });
}

/** Gives every assertion a number, by which it can be emptied; `shared` has those of several layers. */
function instrument(folder: string, shared: readonly string[]): readonly Site[] {
  const sites: Site[] = [];
  const layers = readdirSync(folder)
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts')
    .map(name => join(folder, name));
  for (const file of [...layers, ...shared]) {
    const text = readFileSync(file, 'utf8');
    const changed = text.replace(ASSERTION, (call, judged: string | undefined, at: number) => {
      const line = text.slice(0, at).split('\n').length;
      sites.push({
        layer: basename(file, '.ts'),
        line,
        text: text.slice(at, text.indexOf('\n', at)),
        acts: judged === undefined,
      });
      return `process.env['EMPTIED'] !== '${sites.length - 1}' && ${call}`;
    });
    writeFileSync(file, changed);
  }
  return sites;
}

async function survivorsOf(sites: readonly Site[], judgedOnly: boolean): Promise<readonly Site[]> {
  const load = (path: string) => import(pathToFileURL(join(copy, path)).href);
  const { CASES, caseOf } = (await load(
    'test/support/verify/check-cases.ts',
  )) as typeof import('../../test/support/verify/check-cases.ts');
  const { judgeGreen } = (await load(
    'test/support/verify/green.ts',
  )) as typeof import('../../test/support/verify/green.ts');
  const { CHECKS } = (await load('verify/checks/index.ts')) as typeof import('../checks/index.ts');
  const survivors: Site[] = [];
  for (const [number, site] of sites.entries()) {
    process.env['EMPTIED'] = String(number);
    if (site.acts) {
      if (!judgedOnly && testsPass(ACTING[site.layer] ?? [])) survivors.push(site);
      continue;
    }
    // What checks of several layers share is tried with all cases.
    const own = CASES.filter(([id]) => id.startsWith(`${site.layer}.`));
    const cases = own.length > 0 ? own : CASES;
    const noticed = cases.some(one => {
      const [id, , says] = one;
      const check = CHECKS.find(one => one.id === id);
      if (!check || 'act' in check) return false;
      const { faults } = judgeGreen(check, caseOf(one));
      return !faults.some(fault => says.test(`${fault.host}: ${fault.found}`));
    });
    if (!noticed) survivors.push(site);
  }
  return survivors;
}

function testsPass(files: readonly string[]): boolean {
  const mocha = join(PACKAGE_ROOT, 'node_modules', '.bin', 'mocha');
  return spawnSync(mocha, ['--bail', ...files], { cwd: copy, stdio: 'ignore' }).status === 0;
}
