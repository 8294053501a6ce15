import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

// One bundle per entry, split so that `--version` and `--help` load nothing but the flags. Packages that ship native
// code or spawn their own files (ssh2, mocha) stay outside.
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
await build({
  entryPoints: {
    polarplay: 'lib/cli/main.ts',
    verify: 'verify/main.ts',
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
  logLevel: 'warning',
});
