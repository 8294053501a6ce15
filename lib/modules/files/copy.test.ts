import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  casesWith,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { FileSums, fileSum } from '../../source/file-sum.ts';
import type { Pieces, Request } from '../kit/define.ts';
import { pythonJson } from '../kit/python-json.ts';
import { tarOf } from '../kit/tar.ts';
import { INLINE_LIMIT } from '../kit/write-file.ts';
import { copy } from './copy.ts';

const put = casesWith({ dest: '{dir}/f' });

const FIELDS = [
  'msg',
  'dest',
  'checksum',
  'mode',
  'owner',
  'group',
  'uid',
  'gid',
  'size',
  'state',
  'backup_file',
];

const SRC = 'echo new >src';
const TREE =
  'mkdir -p s/a/b s/empty; echo 1 >s/one; echo 2 >s/a/two; printf "\\0\\377" >s/a/b/bin; chmod 755 s/one; ln -s one s/link; ln -s a s/alink; ln -s nowhere s/dangling';

const FILES: readonly OracleCase[] = [
  put('text to a new file', '', { content: 'text\n' }),
  put('text with mode and owner', '', { content: 'text\n', mode: '0640', owner: 'daemon', group: 'sys' }),
  put('the same text', 'printf "text\\n" >f', { content: 'text\n' }),
  put('the same text with another mode', 'printf "text\\n" >f', { content: 'text\n', mode: 'u=rw,go=' }),
  put('other text of the same length', 'printf "tixt\\n" >f; chmod 600 f; chown 12:34 f', {
    content: 'text\n',
  }),
  put('a text of root to a setgid directory', 'chgrp daemon .; chmod 2775 .', {
    content: 'x',
    owner: 'root',
    group: 'root',
    mode: '0644',
  }),
  put('a text to a setgid directory', 'chgrp daemon .; chmod 2775 .', { content: 'x', mode: '0644' }),
  put('an empty text', '', { content: '' }),
  put('a mapping', '', { content: { b: 1, a: ['x', null, true, 'ü'] } }),
  put('a text to a directory', 'mkdir f', { content: 'x' }),
  put('a text to a directory by slash', '', { dest: '{dir}/d/', content: 'x' }),
  put('a file', SRC, { src: '{dir}/src' }),
  put('a file to a directory', `${SRC}; mkdir f`, { src: '{dir}/src' }),
  put('a file to a directory by slash', `${SRC}; mkdir d`, { src: '{dir}/src', dest: '{dir}/d/' }),
  put('a file to a new directory', SRC, {
    src: '{dir}/src',
    dest: '{dir}/d/e/',
    directory_mode: '0700',
    mode: '0600',
    owner: 'daemon',
  }),
  put(
    'a file to a missing directory',
    SRC,
    { src: '{dir}/src', dest: '{dir}/d/e' },
    { unpredictable: true, except: ['dest', 'checksum'] },
  ),
  put('a file keeping its mode', `${SRC}; chmod 4711 src`, { src: '{dir}/src', mode: 'preserve' }),
  put('a missing file', '', { src: '{dir}/src' }, { except: ['msg'] }),
  put('over another file with a copy', `${SRC}; echo old >f; chmod 604 f`, {
    src: '{dir}/src',
    backup: true,
  }),
  put('not over another file', `${SRC}; echo old >f`, { src: '{dir}/src', force: false }),
  put('a missing file only', SRC, { src: '{dir}/src', force: false }),
  put('over a link', `${SRC}; echo old >g; ln -s g f`, { src: '{dir}/src' }),
  put('over a link with the same content', `${SRC}; echo new >g; ln -s g f`, { src: '{dir}/src' }),
  put('through a link', `${SRC}; echo old >g; ln -s g f`, { src: '{dir}/src', follow: true }),
  put('with the right checksum', SRC, {
    src: '{dir}/src',
    checksum: '9aa3b8ec0d3bbbb0b5e4ba1aa9ae7d05a3e0d8a3',
  }),
  put('with a validator', SRC, { src: '{dir}/src', validate: 'grep -q new %s' }),
  put(
    'against a validator',
    `${SRC}; echo old >f`,
    { src: '{dir}/src', validate: 'grep -q old %s' },
    { unpredictable: true, except: ['dest', 'checksum'] },
  ),
  put(
    'an unknown owner',
    SRC,
    { src: '{dir}/src', owner: 'no-such-user' },
    { unpredictable: true, otherFiles: true, except: FIELDS.filter(field => field !== 'msg') },
  ),
];

const TREES: readonly OracleCase[] = [
  put('a directory', TREE, { src: '{dir}/s', dest: '{dir}/d' }),
  put('what is in a directory', `${TREE}; mkdir d`, { src: '{dir}/s/', dest: '{dir}/d' }),
  put('a directory with modes and owner', TREE, {
    src: '{dir}/s',
    dest: '{dir}/d',
    mode: '0640',
    directory_mode: '0750',
    owner: 'daemon',
  }),
  put('a directory keeping links', TREE, { src: '{dir}/s', dest: '{dir}/d', local_follow: false }),
  put('a directory keeping modes', `${TREE}; rm s/dangling`, {
    src: '{dir}/s',
    dest: '{dir}/d',
    mode: 'preserve',
  }),
  put(
    'a directory over an older one',
    `${TREE}; mkdir -p d/s/a; echo other >d/s/one; chmod 600 d/s/one; chown 12:34 d/s/one; echo 2 >d/s/a/two; echo mine >d/s/mine`,
    { src: '{dir}/s', dest: '{dir}/d' },
  ),
  put('a directory not over an older one', `${TREE}; mkdir -p d/s; echo other >d/s/one`, {
    src: '{dir}/s',
    dest: '{dir}/d',
    force: false,
  }),
];

const REMOTE: readonly OracleCase[] = [
  put('a file of the host', SRC, { src: '{dir}/src', remote_src: true }),
  put('a file of the host with its mode', `${SRC}; chmod 711 src`, {
    src: '{dir}/src',
    remote_src: true,
    mode: 'preserve',
  }),
  put('an executable file of the host', `${SRC}; chmod 755 src`, { src: '{dir}/src', remote_src: true }),
  put('a file of the host over another', `${SRC}; echo old >f; chmod 600 f`, {
    src: '{dir}/src',
    remote_src: true,
    backup: true,
  }),
  put('the same file of the host', `${SRC}; cp src f`, { src: '{dir}/src', remote_src: true, mode: '0600' }),
  put('a file of the host to a directory', `${SRC}; mkdir f`, { src: '{dir}/src', remote_src: true }),
  put('a file of the host to a new directory', SRC, { src: '{dir}/src', dest: '{dir}/d/', remote_src: true }),
  put('a missing file of the host', '', { src: '{dir}/src', remote_src: true }),
  put(
    'a file of the host with a wrong checksum',
    SRC,
    { src: '{dir}/src', remote_src: true, checksum: 'abc' },
    { except: ['dest', 'checksum'] },
  ),
  put('not over a file', `${SRC}; echo old >f`, { src: '{dir}/src', remote_src: true, force: false }),
];

const REMOTE_TREE = 'mkdir -p s/a/b; echo 1 >s/one; echo 2 >s/a/two; chmod 755 s/one; chmod 700 s/a';

const REMOTE_TREES: readonly OracleCase[] = [
  put('a directory of the host', `${REMOTE_TREE}; mkdir d`, {
    src: '{dir}/s',
    dest: '{dir}/d',
    remote_src: true,
  }),
  put('what is in a directory of the host', `${REMOTE_TREE}; mkdir d`, {
    src: '{dir}/s/',
    dest: '{dir}/d',
    remote_src: true,
  }),
  put('a directory of the host to a new place', REMOTE_TREE, {
    src: '{dir}/s/',
    dest: '{dir}/d',
    remote_src: true,
  }),
  put(
    'a directory of the host over an older one',
    `${REMOTE_TREE}; mkdir d; echo other >d/one; echo mine >d/mine`,
    { src: '{dir}/s/', dest: '{dir}/d', remote_src: true },
  ),
  put('a directory of the host with an owner', `${REMOTE_TREE}; mkdir d`, {
    src: '{dir}/s/',
    dest: '{dir}/d',
    remote_src: true,
    owner: 'daemon',
  }),
];

describe('copy', () => {
  itAgreesWithAnsible(copy, { via: 'action', fields: FIELDS }, [...FILES, ...REMOTE]);
  itAgreesWithAnsible(copy, { via: 'action', fields: ['msg'] }, [...TREES, ...REMOTE_TREES]);
  itPredictsTheRun(copy, [...FILES, ...REMOTE, ...TREES, ...REMOTE_TREES]);

  it('streams a large file from where it is, and makes its sum once for all hosts', () =>
    withTemporaryDirectory(async dir => {
      const src = join(dir, 'large');
      writeFileSync(src, Buffer.alloc(INLINE_LIMIT + 1, 'x'));
      const sums = new FileSums();
      const made: string[] = [];
      const sumOf = (path: string, kind: 'sha1' | 'md5') => {
        made.push(kind);
        return sums.of(path, kind);
      };
      const requests: Request[] = [];
      const options = {
        context: { sumOf },
        diffMode: true,
        onRequest: (request: Request) => requests.push(request),
      };
      for (const host of ['one', 'two']) {
        const args = { src, dest: join(dir, host) };
        const result = await runModule(copy, args, options);
        expect(result, String(result.msg)).to.include({ changed: true, size: INLINE_LIMIT + 1 });
        expect(result.checksum).to.equal(fileSum(src, 'sha1'));
        expect(result.diff?.[0]?.after).to.match(/too large to show/);
        expect(readFileSync(join(dir, host)).equals(readFileSync(src))).to.equal(true);
        expect((await runModule(copy, args, options)).changed).to.equal(false);
      }
      const sent = requests.flatMap(request => (request.kind === 'send' ? [request.from] : []));
      expect(sent).to.deep.equal([src, src]);
      expect(made).to.include.members(['sha1', 'md5']);
      writeFileSync(src, Buffer.alloc(INLINE_LIMIT + 1, 'y'));
      expect(sums.of(src, 'sha1')).to.equal(fileSum(src, 'sha1'));
    }));

  it('sends a directory file by file, by names of any bytes, and reads none of it whole', () =>
    withTemporaryDirectory(async dir => {
      const content = Buffer.alloc(3 * 2 ** 20 + 1, 'x');
      mkdirSync(join(dir, 'src'));
      writeFileSync(join(dir, 'src/large'), content);
      execFileSync('sh', ['-ec', 'printf name >"src/$(printf "\\377")"; : >src/$(printf %0150d 1)'], {
        cwd: dir,
      });
      const pieces: number[] = [];
      const onRequest = (request: Request) => {
        if (request.kind !== 'send') return;
        expect(request.from).to.have.property('pieces');
        const from = request.from as Pieces;
        for (const piece of from.pieces()) pieces.push(piece.length);
        expect(pieces.reduce((sum, length) => sum + length)).to.equal(from.length);
      };
      const args = { src: join(dir, 'src/'), dest: join(dir, 'to') };
      expect((await runModule(copy, args, { onRequest })).changed).to.equal(true);
      expect(Math.max(...pieces)).to.be.at.most(2 ** 20);
      execFileSync('diff', ['-r', 'src', 'to'], { cwd: dir });
      expect((await runModule(copy, args)).changed).to.equal(false);
    }));

  for (const remote_src of [false, true])
    it(`copies a tree to a relative path${remote_src ? ', all on the host' : ''}`, () =>
      withTemporaryDirectory(async dir => {
        execFileSync('sh', ['-ec', TREE], { cwd: dir });
        mkdirSync(join(dir, 'd'));
        const src = remote_src ? relative(process.cwd(), join(dir, 's')) : join(dir, 's');
        const args = { src, dest: relative(process.cwd(), join(dir, 'd')), remote_src };
        const result = await runModule(copy, args);
        expect(result, String(result.msg)).to.include({ changed: true });
        expect(readFileSync(join(dir, 'd/s/a/two'), 'utf8')).to.equal('2\n');
        expect(readdirSync(dir).sort()).to.deep.equal(['d', 's']);
        expect((await runModule(copy, args)).changed).to.equal(false);
      }));

  for (const shell of ['bash', 'busybox'] as const) {
    it(`copies trees under ${shell}`, () =>
      withTemporaryDirectory(async dir => {
        execFileSync('sh', ['-ec', TREE], { cwd: dir });
        const big = join(dir, 's', 'a', 'big');
        writeFileSync(big, Buffer.alloc(400_000, 'abc'));
        const odd = join(dir, 's', "it's", 'x'.repeat(120), `${'y'.repeat(120)} z`);
        mkdirSync(join(odd, '..'), { recursive: true });
        writeFileSync(odd, 'odd');
        for (const remote of [false, true]) {
          const dest = join(dir, remote ? 'r' : 'd');
          const args = { src: `${join(dir, 's')}/`, dest, remote_src: remote, owner: 'daemon' };
          const first = await runModule(copy, args, { shell });
          expect(first, String(first.msg)).to.include({ changed: true });
          expect(readFileSync(join(dest, 'a/big')).equals(readFileSync(big))).to.equal(true);
          expect(readFileSync(odd.replace(join(dir, 's'), dest), 'utf8')).to.equal('odd');
          expect(await runModule(copy, args, { shell })).to.include({ changed: false });
        }
        expect(readdirSync(dir).sort()).to.deep.equal(['d', 'r', 's']);
      }));
  }

  it('copies a file that is too large for a script', () =>
    withTemporaryDirectory(async dir => {
      const src = join(dir, 'src');
      writeFileSync(src, Buffer.alloc(1 << 20, 'x'));
      const dest = join(dir, 'new/dir/');
      const kinds: string[] = [];
      const onRequest = ({ kind }: { kind: string }) => kinds.push(kind);
      expect(await runModule(copy, { src, dest }, { onRequest })).to.include({
        changed: true,
        size: 1 << 20,
      });
      expect(kinds).to.deep.equal(['work', 'sh', 'sh', 'send', 'sh']);
      expect(existsSync(join(dest, 'src'))).to.equal(true);
    }));

  for (const checkMode of [true, false])
    it(`leaves a pipe or a device alone${checkMode ? ', in check mode too' : ''}`, () =>
      withTemporaryDirectory(async dir => {
        const dest = join(dir, 'pipe');
        execFileSync('mkfifo', [dest]);
        const result = await runModule(copy, { dest, content: 'x' }, { checkMode });
        expect(result).to.include({ failed: true, msg: `cannot write ${dest}: it is a pipe, not a file` });
        expect(lstatSync(dest).isFIFO()).to.equal(true);
      }));

  it('shows the text that changes', () =>
    withTemporaryDirectory(async dir => {
      const dest = join(dir, 'f');
      writeFileSync(dest, 'old\n');
      const result = await runModule(copy, { dest, content: 'new\n' }, { checkMode: true, diffMode: true });
      expect(result.diff).to.deep.equal([
        { before: 'old\n', after: 'new\n', beforeHeader: dest, afterHeader: 'dynamically generated' },
      ]);
    }));
});

describe('archives', () => {
  it('unpack to what went in', () =>
    withTemporaryDirectory(dir => {
      const name = fc.stringMatching(/^[a-zA-Zäß '$"\\-]{1,150}$/).filter(n => n.trim() !== '');
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.record({ path: name, content: fc.uint8Array({ maxLength: 1500 }) }), {
            selector: entry => entry.path,
            minLength: 1,
            maxLength: 5,
          }),
          entries => {
            const out = join(dir, 'out');
            execFileSync('sh', ['-c', 'rm -rf "$0"; mkdir "$0"', out]);
            const archive = tarOf(
              entries.map(({ path, content }) => ({ path, mode: 0o600, content: Buffer.from(content) })),
            );
            execFileSync('tar', ['-xf', '-', '-C', out], { input: archive });
            for (const { path, content } of entries)
              expect(readFileSync(join(out, path)).equals(Buffer.from(content))).to.equal(true);
          },
        ),
        { numRuns: 20 },
      );
    }));
});

describe("Python's JSON", () => {
  it('has its spaces and escapes', () => {
    expect(pythonJson({ a: [1, 2.5, null, true], 'b"': 'ü\n😀' })).to.equal(
      '{"a": [1, 2.5, null, true], "b\\"": "\\u00fc\\n\\ud83d\\ude00"}',
    );
  });
});
