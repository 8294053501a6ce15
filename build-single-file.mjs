// `npm run build:single-file`: Node and the package in one executable, for control machines without npm. Called after
// build.mjs; it runs wherever the Node that builds it runs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { inject } from 'postject';

/** Where Node looks for what was added to it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** A Node from a distribution leaves its work to a library, which another machine does not have. */
const WHOLE_NODE = 50_000_000;

const out = process.argv[2] ?? 'single-file';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
if (statSync(process.execPath).size < WHOLE_NODE)
  throw new Error(`${process.execPath} is no Node that stands alone: take one from nodejs.org`);

const scratch = mkdtempSync(join(tmpdir(), 'polarplay-single-file-'));
try {
  const name = `polarplay-${version}-${process.platform}-${process.arch}`;
  const file = join(out, name);
  mkdirSync(out, { recursive: true });
  copyFileSync(process.execPath, file);
  chmodSync(file, 0o755);
  await inject(file, 'NODE_SEA_BLOB', blob(), { sentinelFuse: FUSE });
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
  writeFileSync(join(out, 'SHA256SUMS'), `${sum}  ${name}\n`);
  process.stdout.write(`${file}\n`);
} finally {
  rmSync(scratch, { recursive: true });
}

function blob() {
  const main = join(scratch, 'main.cjs');
  const asset = join(scratch, 'package');
  const config = join(scratch, 'sea.json');
  const output = join(scratch, 'blob');
  writeFileSync(main, readFileSync('lib/cli/single-file.cjs', 'utf8').replace('POLARPLAY_VERSION', version));
  writeFileSync(asset, gzipSync(serialize(packageFiles()), { level: 9 }));
  writeFileSync(
    config,
    JSON.stringify({ main, output, assets: { package: asset }, disableExperimentalSEAWarning: true }),
  );
  execFileSync(process.execPath, ['--experimental-sea-config', config]);
  return readFileSync(output);
}

/** What the package holds for npm holds here too. */
function packageFiles() {
  const told = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' });
  const [{ files }] = Object.values(JSON.parse(told));
  return files.map(({ path, mode }) => ({ path, mode, content: readFileSync(path) }));
}
