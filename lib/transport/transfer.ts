import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Channel } from './channel.ts';
import { type LaunchOptions, launch } from './launch.ts';
import { shellWord } from './script.ts';

/** Streams bytes, or a local file, to `path` on the host through a channel of its own. */
export async function sendFile(
  options: LaunchOptions,
  source: Buffer | { readonly file: string },
  path: string,
  mode = '600',
): Promise<void> {
  const from = Buffer.isBuffer(source) ? Readable.from([source]) : createReadStream(source.file);
  await opened(from);
  const target = lineWord(path);
  // Secret from the first byte on; the wanted mode comes last, since it may be read-only.
  const line = `umask 077; : >${target} && chmod 600 ${target} && cat >${target} && chmod ${shellWord(mode)} ${target}`;
  const { channel } = await launch(line, options);
  channel.output.resume();
  const failure = failureOf(channel);
  const written = pipeline(from, channel.input).catch((error: Error) => error);
  const problem = await Promise.race([failure, written.then(error => error ?? failure)]);
  channel.destroy();
  if (problem) throw problem;
}

/** Streams a file of the host into a local file, created for its owner alone. */
export async function receiveFile(options: LaunchOptions, path: string, toFile: string): Promise<void> {
  const { channel } = await launch(`exec cat -- ${lineWord(path)}`, options);
  channel.input.end();
  const failure = failureOf(channel);
  try {
    const written = pipeline(channel.output, createWriteStream(toFile, { mode: 0o600 }));
    const lost = failure.then(error => (error ? Promise.reject(error) : undefined));
    await Promise.race([written, lost.then(() => written)]);
    await lost;
  } finally {
    channel.destroy();
  }
}

/** A stream over a local file fails here when there is no such file, before anything is asked of the host. */
async function opened(from: Readable): Promise<void> {
  if (!('path' in from)) return;
  await new Promise<void>((resolve, reject) => {
    from.once('ready', resolve).once('error', reject);
  });
}

/** A shell word without a newline, for a line that is read by `read`. */
function lineWord(path: string): string {
  if (!path.includes('\n')) return shellWord(path);
  const octal = [...Buffer.from(path)].map(byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
  return `"$(printf %b '${octal}')"`;
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
      ?.replace(/^.*: eval: /, '') || `exit code ${end.rc}`,
  );
}
