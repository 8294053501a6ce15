// The beginning of the single-file build: Node and the package in one executable. On its first start it unpacks the
// package into the user's cache, from then on it runs what is there: the same files that npm installs.
const { createHash } = require('node:crypto');
const { mkdirSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { homedir } = require('node:os');
const { dirname, join, sep } = require('node:path');
const { getAsset } = require('node:sea');
const { deserialize } = require('node:v8');
const { gunzipSync } = require('node:zlib');

const VERSION = 'POLARPLAY_VERSION';

if (process.argv.length === 3 && process.argv[2] === '--version')
  process.stdout.write(`polarplay ${VERSION}\n`);
else start();

function start() {
  const folder = unpacked();
  const [, , script] = process.argv;
  // Programs of the package start each other as scripts of Node.
  const isOurs = script?.startsWith(join(folder, 'dist') + sep);
  if (isOurs) process.argv.splice(1, 1);
  const file = isOurs ? script : join(folder, 'dist', 'polarplay.js');
  process.argv[1] = file;
  createRequire(file)(file);
}

/** The folder of this very build: its name has the sum of what is in it. */
function unpacked() {
  const packed = Buffer.from(getAsset('package'));
  const sum = createHash('sha256').update(packed).digest('hex').slice(0, 16);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'polarplay');
  const folder = join(cache, `${VERSION}-${sum}`);
  try {
    if (!isThere(folder)) unpack(packed, folder, cache);
    return folder;
  } catch (error) {
    process.stderr.write(
      `polarplay: can't unpack into ${cache}: ${error.message}\nXDG_CACHE_HOME names another folder for it\n`,
    );
    return process.exit(1);
  }
}

/** What others could have changed is not run. */
function isThere(folder) {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) return false;
  if (found.uid !== process.getuid() || (found.mode & 0o022) !== 0)
    throw new Error(`${folder} belongs to somebody else, or others may write there: remove it`);
  return true;
}

/** Under another name first: an interrupted start leaves nothing that looks whole. */
function unpack(packed, folder, cache) {
  const beside = `${folder}.${process.pid}`;
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  mkdirSync(beside, { mode: 0o700 });
  for (const { path, mode, content } of deserialize(gunzipSync(packed))) {
    const file = join(beside, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }
  try {
    renameSync(beside, folder);
  } catch (error) {
    rmSync(beside, { recursive: true });
    // Another start was faster.
    if (!isThere(folder)) throw error;
  }
}
