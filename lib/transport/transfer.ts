import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bytesOf } from '../source/bytes.ts';
import type { Channel } from './channel.ts';
import type { Received, Source } from './connection.ts';
import { type LaunchOptions, launch } from './shell/launch.ts';
import { shellWord } from './shell/script.ts';

/** Streams bytes, or a local file, to `path` on the host through a channel of its own. */
export async function sendFile(
  options: LaunchOptions,
  source: Source,
  path: string,
  mode = '600',
): Promise<void> {
  const length = 'file' in source ? await lengthOf(source.file) : source.length;
  const from =
    'file' in source
      ? createReadStream(source.file, length === undefined ? {} : { end: length - 1 })
      : Readable.from(Buffer.isBuffer(source) ? [source] : source.pieces());
  await readable(from);
  const { word: target, before } = lineWord(path);
  const chmod = (bits: string): string => `{ [ ! -f ${target} ] || chmod ${shellWord(bits)} ${target}; }`;
  // Secret from the first byte on; the wanted mode comes last, since it may be read-only.
  const last = mode === '600' ? '' : ` && ${chmod(mode)}`;
  // The end of the input is the end of the content, or of the runner: half of a file is of no use to anybody.
  const whole =
    length === undefined
      ? ''
      : ` && { [ ! -f ${target} ] || [ "$(stat -L -c %s ${target})" = ${length} ] || { rm -f ${target}; echo 'it was cut off on its way' >&2; exit 1; }; }`;
  const line = `${before}umask 077; ${chmod('600')} && cat >${target}${whole}${last}`;
  const { channel } = await launch(line, options);
  channel.output.resume();
  const failure = failureOf(channel);
  const written = pipeline(from, channel.input).catch((error: Error) => error);
  const problem = await Promise.race([failure, written.then(error => error ?? failure)]);
  channel.destroy();
  if (problem) throw problem;
}

/**
 * Streams a file of the host into a local file, created for its owner alone. Where the host's file cannot be read
 * the local one is left as it was; where it breaks off, no half of it stays. A host that never comes to an end is not
 * heard for longer than `atMost` bytes.
 */
export async function receiveFile(
  options: LaunchOptions,
  path: string,
  toFile: string,
  atMost = Number.POSITIVE_INFINITY,
): Promise<Received> {
  const { word: source, before } = lineWord(path);
  const check = `${before}if [ -d ${source} ]; then echo "is a directory" >&2; exit 1; fi; exec 3<${source}`;
  const { channel } = await launch(`${check}; printf +; exec cat <&3`, options);
  channel.input.end();
  const failure = failureOf(channel);
  const broken = failure.then(error => (error ? Promise.reject(error) : undefined));
  const opened = ready(channel);
  // What loses a race below must not count as unhandled.
  for (const promise of [broken, opened]) promise.catch(() => {});
  try {
    await Promise.race([opened, broken]);
    const sums = { sha1: createHash('sha1'), md5: createHash('md5') };
    const written = pipeline(
      channel.output,
      summed(sums, atMost, path),
      createWriteStream(bytesOf(toFile), { mode: 0o600 }),
    );
    try {
      await Promise.race([written, broken.then(() => written)]);
      await broken;
      return { sha1: sums.sha1.digest('hex'), md5: sums.md5.digest('hex') };
    } catch (error) {
      await rm(bytesOf(toFile), { force: true });
      throw error;
    }
  } finally {
    channel.destroy();
  }
}

/** Hands on what comes and counts it into the sums. */
const summed = (sums: Readonly<Record<string, Hash>>, atMost: number, path: string) =>
  async function* (pieces: AsyncIterable<Buffer>) {
    let length = 0;
    for await (const piece of pieces) {
      length += piece.length;
      if (length > atMost) throw new Error(`${path} does not end: more came than its size, ${atMost} bytes`);
      for (const sum of Object.values(sums)) sum.update(piece);
      yield piece;
    }
  };

/** Takes the byte that says that the file is open. */
async function ready(channel: Channel): Promise<void> {
  while (channel.output.read(1) === null) await once(channel.output, 'readable');
}

/** Of a file with content; what a pipe or the kernel has to say has no length. */
async function lengthOf(file: string): Promise<number | undefined> {
  const status = await stat(file).catch(() => undefined);
  return status?.isFile() && status.size > 0 ? status.size : undefined;
}

/** A stream over a local file fails here when there is no such file, before anything is asked of the host. */
async function readable(from: Readable): Promise<void> {
  if (!('path' in from)) return;
  await new Promise<void>((resolve, reject) => {
    from.once('ready', resolve).once('error', reject);
  });
}

/** A shell word without a newline, for a line that is read by `read`; and what has to stand before it in the line. */
function lineWord(path: string): { readonly word: string; readonly before: string } {
  if (/^[\x20-\x7e]*$/.test(path)) return { word: shellWord(path), before: '' };
  const octal = [...bytesOf(path)].map(byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
  // The dot keeps a newline at the end.
  return { word: '"$_f"', before: `_f=$(printf %b '${octal}.'); _f=\${_f%.}; ` };
}

/** Resolves when the program has ended: with nothing, or with what it said on stderr as an Error. */
async function failureOf(channel: Channel): Promise<Error | undefined> {
  let said = '';
  channel.errors
    .on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4096);
    })
    .resume();
  const end = await channel.ended;
  if (end.kind === 'lost') return end.error;
  if (end.rc === 0) return undefined;
  return new Error(
    said
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^.*: eval: |^\S+: (line )?\d+: /, '') || `exit code ${end.rc}`,
  );
}
