import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

// One bundle per entry, split so that `--version` and `--help` load nothing but the flags. Packages that ship native
// code or spawn their own files (ssh2, mocha) stay outside.
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const { metafile } = await build({
  entryPoints: {
    polarplay: 'lib/cli/main.ts',
    verify: 'verify/main.ts',
    faults: 'verify/faults/main.ts',
    bench: 'bench/main.ts',
    'bench-runner': 'bench/runner/main.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: ['ssh2', 'ssh2-promise', 'zx', 'mocha', 'chai', 'pg'],
  define: { 'process.env.POLARPLAY_VERSION': JSON.stringify(version) },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
});
// Chunks of earlier builds have other names and would stay for ever.
for (const name of readdirSync('dist'))
  if (!(join('dist', name) in metafile.outputs)) rmSync(join('dist', name));
