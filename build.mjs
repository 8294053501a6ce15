import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

// The package has no dependencies: all of it is in dist/, so that one archive installs everywhere, without a network and
// without a compiler. The bundle is split: `--version` and `--help` load nothing but themselves.
const { version, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
// What our packages name but we never call; its own way of loading files does not survive bundling.
const unused = {
  name: 'unused',
  setup: ({ onLoad }) =>
    onLoad({ filter: /@heroku.socksv5.index\.js$/ }, () => ({ contents: 'module.exports = {}' })),
};
const { metafile } = await build({
  entryPoints: {
    main: 'lib/cli/main.ts',
    'bench-http': 'bench/http/gun.ts',
    'bench-runner': 'bench/runner/main.ts',
  },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Half of the size goes; names stay, so that a stack trace still says which function failed.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // Optional accelerators in native code: their packages go on without them.
  plugins: [unused],
  external: ['*.node', 'cpu-features', 'pg-native', 'cloudflare:sockets'],
  define: {
    'process.env.POLARPLAY_VERSION': JSON.stringify(version),
    __dirname: 'import.meta.dirname',
    __filename: 'import.meta.filename',
  },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
});

const start = readFileSync('lib/cli/start.js', 'utf8');
const command = start.replace('NODE', engines.node.replace('>=', '')).replace('VERSION', version);
writeFileSync('dist/polarplay.js', command, { mode: 0o755 });
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
copyFileSync('lib/templating/lookups/fetch.cjs', 'dist/fetch.cjs');
writeFileSync('dist/licenses.txt', licenses(metafile.inputs));

const page = execFileSync(process.execPath, ['dist/polarplay.js', 'man-page']);
writeFileSync('dist/polarplay.1', page);

// Chunks of earlier builds have other names and would stay for ever.
const made = [
  ...Object.keys(metafile.outputs),
  'polarplay.js',
  'fetch.cjs',
  'package.json',
  'licenses.txt',
  'polarplay.1',
].map(f => basename(f));
for (const name of readdirSync('dist')) if (!made.includes(name)) rmSync(join('dist', name));

/** The licenses of all packages that went into the bundle. */
function licenses(inputs) {
  const folders = Object.keys(inputs).map(
    input => /^(?:.*?\/)?node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(input)?.[0],
  );
  return [...new Set(folders.filter(Boolean))]
    .sort()
    .map(license)
    .join(`\n${'-'.repeat(80)}\n`);
}

function license(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`;
}
