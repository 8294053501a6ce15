import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { runSteps, type TestOptions, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { modeBits } from './attributes.ts';
import type { ModuleError } from './define.ts';
import { splitWords } from './sh.ts';
import { pathWord, type StatOptions, statPath } from './stat.ts';
import { INLINE_LIMIT, sha1, type Writing, writeFile } from './write-file.ts';

const SHELLS = ['dash', 'bash', 'busybox'] as const;
const root = process.getuid?.() === 0;

type WriteOptions = Partial<Omit<Writing, 'source' | 'found' | 'path'>>;

async function write(
  path: string,
  bytes: Buffer | string,
  request: WriteOptions = {},
  options: TestOptions = {},
) {
  const found = await runSteps(statPath(path, { wanted: request.wanted ?? {} }), options);
  return runSteps(
    writeFile({
      path: found.realPath,
      source: { kind: 'bytes', bytes: Buffer.from(bytes) },
      found,
      wanted: {},
      ...request,
    }),
    options,
  );
}

async function failureOf(action: Promise<unknown>): Promise<ModuleError> {
  try {
    await action;
  } catch (error) {
    return error as ModuleError;
  }
  throw new Error('it should have failed');
}

for (const shell of SHELLS) {
  describe(`writing files with ${shell}`, () => {
    const options: TestOptions = { shell };

    for (const [what, bytes] of [
      ['text', 'a line\n'],
      ['no final newline', 'x'],
      ['nothing', ''],
      ['quotes and backslashes', `it's "\\n" $HOME \`id\` %s %%\n`],
      ['carriage returns', 'a\r\nb\r'],
      ['umlauts', 'größe 例\n'],
      ['bytes', Buffer.from([0, 255, 10, 13, 0, 39, 92])],
      ['a broken UTF-8 sequence', Buffer.from([0x61, 0xc3, 0x28])],
      ['much', Buffer.alloc(INLINE_LIMIT + 1, 'abc\n')],
      ['nearly much', Buffer.alloc(INLINE_LIMIT, "it's\n")],
    ] as const) {
      it(`keeps every byte of ${what}`, () =>
        withTemporaryDirectory(async dir => {
          const path = join(dir, "it's a file");
          const result = await write(path, Buffer.from(bytes), {}, options);
          expect(readFileSync(path).equals(Buffer.from(bytes))).to.equal(true);
          expect(result).to.include({ size: Buffer.from(bytes).length, mode: '0644', state: 'file' });
          expect(readdirSync(dir)).to.have.length(1);
        }));
    }

    it('writes a file with the longest name there is, in any alphabet', () =>
      withTemporaryDirectory(async dir => {
        for (const name of ['数'.repeat(85), 'x'.repeat(255)])
          for (const content of ['one', Buffer.alloc(INLINE_LIMIT + 1, 'x')])
            await write(join(dir, name), content, {}, options);
        expect(readdirSync(dir)).to.have.length(2);
      }));

    for (const mode of ['0600', '0640', '0755', '0444', '04755', '02750', '01777', 'u=rw,go=', 'a+x']) {
      it(`gives mode ${mode} to a new file and to an existing one`, () =>
        withTemporaryDirectory(async dir => {
          const path = join(dir, 'f');
          for (const content of ['one', 'two']) {
            const wanted = modeBits(
              mode,
              content === 'one' ? 0o644 : statSync(path).mode & 0o7777,
              false,
              0o022,
            );
            const result = await write(path, content, { wanted: { mode } }, options);
            expect(statSync(path).mode & 0o7777).to.equal(wanted);
            expect(Number.parseInt(result.mode as string, 8)).to.equal(wanted);
          }
        }));
    }

    it('keeps mode and owner of an existing file', function () {
      if (!root) {
        console.log('skipped: needs root to give files away; runs when the tests are run as root');
        this.skip();
      }
      return withTemporaryDirectory(async dir => {
        const path = join(dir, 'f');
        writeFileSync(path, 'old');
        chmodSync(path, 0o640);
        execFileSync('chown', ['1234:5678', path]);
        expect(await write(path, 'new', {}, options)).to.include({ uid: 1234, gid: 5678, mode: '0640' });
        const after = statSync(path);
        expect([after.uid, after.gid, after.mode & 0o7777]).to.deep.equal([1234, 5678, 0o640]);
        expect(
          await write(path, 'newer', { wanted: { owner: 'daemon', mode: '04711' } }, options),
        ).to.include({ owner: 'daemon', gid: 5678, mode: '04711' });
      });
    });

    it('refuses an owner or group that the host does not know, and leaves nothing', () =>
      withTemporaryDirectory(async dir => {
        const path = join(dir, 'f');
        const user = await failureOf(write(path, 'x', { wanted: { owner: 'no-such-user' } }, options));
        expect(user.message).to.equal('chown failed: failed to look up user no-such-user');
        const group = await failureOf(write(path, 'x', { wanted: { group: 'no-such-group' } }, options));
        expect(group.message).to.equal('chgrp failed: failed to look up group no-such-group');
        expect(readdirSync(dir)).to.deep.equal([]);
      }));

    it('puts nothing in place that its validator refuses', () =>
      withTemporaryDirectory(async dir => {
        const path = join(dir, 'f');
        writeFileSync(path, 'good');
        const error = await failureOf(write(path, 'bad', { validate: 'grep -q "good" %s' }, options));
        expect(error.message).to.equal('failed to validate');
        expect(error.fields).to.include({ exit_status: 1, stdout: '', stderr: '' });
        expect(readFileSync(path, 'utf8')).to.equal('good');
        expect(readdirSync(dir)).to.deep.equal(['f']);
        await write(path, 'very good', { validate: "sh -c 'echo checked; grep good %s'" }, options);
        expect(readFileSync(path, 'utf8')).to.equal('very good');
        const missing = await failureOf(write(path, 'x', { validate: 'true' }, options));
        expect(missing.message).to.equal('validate must contain %s: true');
      }));

    it('keeps a copy under the name Ansible uses', () =>
      withTemporaryDirectory(async dir => {
        const path = join(dir, 'f');
        expect(await write(path, 'old', { backup: true }, options)).not.to.have.property('backup_file');
        const result = (await write(path, 'new', { backup: true }, options)) as { backup_file: string };
        expect(result.backup_file).to.match(/\/f\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$/);
        expect(readFileSync(result.backup_file, 'utf8')).to.equal('old');
      }));

    it('replaces a symbolic link, or what it leads to when told to follow', () =>
      withTemporaryDirectory(async dir => {
        const [target, link] = [join(dir, 'target'), join(dir, 'link')];
        writeFileSync(target, 'old');
        symlinkSync('target', link);
        const found = await runSteps(statPath(link, { follow: true }), options);
        expect(found).to.include({ linkTarget: 'target', path: link, realPath: target });
        await runSteps(
          writeFile({
            path: found.realPath,
            source: { kind: 'bytes', bytes: Buffer.from('new') },
            found,
            wanted: {},
          }),
          options,
        );
        expect(readFileSync(target, 'utf8')).to.equal('new');
        await write(link, 'own', {}, options);
        expect(readFileSync(target, 'utf8')).to.equal('new');
        expect(readFileSync(link, 'utf8')).to.equal('own');
      }));

    it('says that a directory is missing', () =>
      withTemporaryDirectory(async dir => {
        const error = await failureOf(write(join(dir, 'no', 'f'), 'x', {}, options));
        expect(error.message).to.match(/^cannot write .*\/no\/f: /);
      }));

    it('leaves the target alone when the disk is full', function () {
      if (!root) {
        console.log('skipped: needs root to mount a small file system; runs when the tests are run as root');
        this.skip();
      }
      return withTemporaryDirectory(async dir => {
        const small = join(dir, 'small');
        mkdirSync(small);
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]);
        try {
          const path = join(small, 'f');
          writeFileSync(path, 'old');
          for (const size of [100_000, INLINE_LIMIT + 1]) {
            const error = await failureOf(write(path, 'x'.repeat(size), {}, options));
            expect(error.message).to.match(/^cannot write .*\/small\/f: /);
            expect(readFileSync(path, 'utf8')).to.equal('old');
            expect(readdirSync(small)).to.deep.equal(['f']);
          }
        } finally {
          execFileSync('umount', [small]);
        }
      });
    });

    const lookAt = (path: string, request: StatOptions = {}, more: TestOptions = {}) =>
      runSteps(statPath(path, request), { ...options, ...more });

    it('looks at files, links, directories and nothing', () =>
      withTemporaryDirectory(async dir => {
        const path = join(dir, 'f');
        writeFileSync(path, 'one\n\ntwo\0');
        chmodSync(path, 0o4711);
        const file = await lookAt(path, { content: 'bytes' });
        expect(file.status).to.include({ type: 'file', mode: 0o4711, size: 9, uid: process.getuid?.() });
        expect(file.bytes?.toString()).to.equal('one\n\ntwo\0');
        expect(file).to.include({ own: true, readable: true, parent: 'writable', umask: 0o022 });
        expect(await lookAt(path, { content: { ifSize: 9 } })).to.include({
          sha1: sha1('one\n\ntwo\0'),
          bytes: undefined,
        });
        expect(await lookAt(path, { content: { ifSize: 8 } })).to.include({ sha1: undefined });
        const changed = await lookAt(path, {
          content: { ifSize: 9 },
          bytesUnless: { sha1: sha1('other'), limit: 100 },
        });
        expect(changed.bytes?.length).to.equal(9);
        expect((await lookAt(dir)).status?.type).to.equal('directory');
        expect(await lookAt(join(dir, 'none'))).to.include({ status: undefined, parent: 'writable' });
        expect(await lookAt(join(dir, 'no/ne'))).to.include({ status: undefined, parent: 'missing' });
        symlinkSync('nowhere', join(dir, 'dangling'));
        expect((await lookAt(join(dir, 'dangling'))).status?.type).to.equal('link');
      }));

    it('knows the numbers of wanted owners', () =>
      withTemporaryDirectory(async dir => {
        const found = await lookAt(dir, { wanted: { owner: 'daemon', group: 'no-such-group' } });
        expect(found).to.include({ wantedUid: 1, wantedGid: null });
        const other = await lookAt(dir, { wanted: { owner: 'no-such-user', group: 'daemon' } });
        expect(other).to.include({ wantedUid: null, wantedGid: 1 });
      }));

    it('expands what the host knows in paths', async () => {
      const env = { HOME: '/home/of me', WHERE: 'some where' };
      for (const [path, expanded] of [
        ['~/x', '/home/of me/x'],
        ['~', '/home/of me'],
        ['~daemon/x', '/usr/sbin/x'],
        ['/a/~/x', '/a/~/x'],
        [`$WHERE/\${WHERE}s`, 'some where/some wheres'],
        ['/a/$NOWHERE/b', '/a/$NOWHERE/b'],
        [`/a/\${NOWHERE}/b`, `/a/\${NOWHERE}/b`],
        ["/it's $ * ?", "/it's $ * ?"],
        ['-n', './-n'],
      ] as const) {
        expect((await lookAt(path, {}, { env })).path, pathWord(path)).to.equal(expanded);
      }
    });
  });
}

describe('mode arithmetic', () => {
  const cases: readonly [mode: string, now: number, isDirectory: boolean, umask: number, bits: number][] = [
    ['0644', 0o777, false, 0o022, 0o644],
    ['u=rwX,go=rX', 0o600, false, 0o022, 0o644],
    ['u=rwX,go=rX', 0o600, true, 0o022, 0o755],
    ['u=rwX,go=rX', 0o700, false, 0o022, 0o755],
    ['+x', 0o644, false, 0o027, 0o754],
    ['a+x', 0o644, false, 0o077, 0o755],
    ['g=u', 0o640, false, 0o022, 0o660],
    ['u+s,g+s,+t', 0o755, false, 0o022, 0o7755],
    ['u=rwx', 0o4644, false, 0o022, 0o744],
    ['go-rwx', 0o777, false, 0o022, 0o700],
    ['u=rw-x+X', 0o755, false, 0o022, 0o755],
    ['o=', 0o1777, true, 0o022, 0o770],
  ];
  for (const [mode, now, isDirectory, umask, bits] of cases) {
    it(`${mode} of ${now.toString(8)} is ${bits.toString(8)}`, () => {
      expect(modeBits(mode, now, isDirectory, umask)).to.equal(bits);
    });
  }
});

describe('splitting words', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['a b  c', ['a', 'b', 'c']],
    [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
    [`a'b'"c"`, ['abc']],
    [`"a\\"b" 'a\\b' "a\\b" a\\ b`, ['a"b', 'a\\b', 'a\\b', 'a b']],
    [`'' ""`, ['', '']],
    ['  ', []],
    ['a\nb', ['a', 'b']],
  ];
  for (const [line, words] of cases) {
    it(JSON.stringify(line), () => expect(splitWords(line)).to.deep.equal(words));
  }

  it('complains about what is not closed', () => {
    expect(() => splitWords(`a 'b`)).to.throw('No closing quotation');
    expect(() => splitWords('a\\')).to.throw('No escaped character');
  });

  it('takes back whatever was quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), words => {
        const line = words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
        expect(splitWords(line)).to.deep.equal(words);
      }),
    );
  });
});
