import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, type TestOptions, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { getUrl } from './get_url.ts';
import { uri } from './uri.ts';

/** Any free port would do; one number for all lets the tables below be constants. */
const PORT = 30_000 + (process.pid % 20_000);
const SERVER = `http://127.0.0.1:${PORT}`;
const SUM = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';

const get = (
  name: string,
  path: string,
  args: Record<string, Json> = {},
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args: { url: `${SERVER}${path}`, dest: '{dir}/f', ...args },
  ...more,
});

const OLD = 'echo old >f; chmod 604 f; touch -d 2020-01-01 f';
const NEW = 'echo other >f; touch -d 2025-01-01 f';

const DOWNLOADS: readonly OracleCase[] = [
  get('a new file', '/file.txt', { mode: '0640', owner: 'daemon' }),
  get('through a redirect', '/redirect'),
  get('over an older file', '/file.txt', { backup: true }, OLD),
  get('not over a newer file', '/file.txt', {}, NEW),
  get('over a newer file by force', '/file.txt', { force: true }, NEW),
  get('over the same file by force', '/file.txt', { force: true, mode: '0600' }, 'echo hello >f'),
  get('with a checksum', '/file.txt', { checksum: `sha256:${SUM}` }),
  get(
    'with a checksum that is right already',
    '/file.txt',
    { checksum: `sha256:${SUM}`, mode: '0600' },
    'echo hello >f',
  ),
  get('with a checksum that is not right yet', '/file.txt', { checksum: `sha256:${SUM}` }, NEW),
  get('with a wrong checksum', '/file.txt', { checksum: 'md5:00ff' }, '', {
    except: ['changed', 'msg', 'status_code', 'mode', 'owner', 'state', 'checksum_src', 'size', 'md5sum'],
    unpredictable: true,
  }),
  get('with an odd checksum', '/file.txt', { checksum: 'sha256' }, '', { except: ['dest', 'url'] }),
  get('with a file of checksums', '/file.txt', { checksum: `sha256:${SERVER}/sums` }),
  get('to a directory', '/redirect', {}, 'mkdir f'),
  get('to a directory under the name of the server', '/disposition', {}, 'mkdir f'),
  get('to a missing directory', '/file.txt', { dest: '{dir}/a/f' }, '', {
    unpredictable: true,
    except: ['checksum_src'],
  }),
  get('what is not there', '/none'),
  get('from no server', '/', { url: 'http://127.0.0.1:1/x' }, '', { except: ['msg', 'status_code'] }),
  get('with a password', '/auth', { url_username: 'me', url_password: `it's "secret"` }),
  get('with a wrong password', '/auth', { url_username: 'me', url_password: 'not the secret' }, '', {
    except: ['response'],
  }),
];

const ask = (
  name: string,
  path: string,
  args: Record<string, Json> = {},
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args: { url: `${SERVER}${path}`, ...args },
  ...more,
});

const REQUESTS: readonly OracleCase[] = [
  ask('JSON', '/json', { return_content: true }),
  ask('a text', '/file.txt', { return_content: true }),
  ask('a text, not kept', '/file.txt'),
  ask('what is not there', '/none', { return_content: true }),
  ask('what may be missing', '/none', { status_code: [200, 404] }),
  ask('posts JSON', '/echo', {
    method: 'POST',
    body: { a: [1, 'ü'], b: null },
    body_format: 'json',
    status_code: '200, 201',
  }),
  ask('posts JSON that is a text', '/echo', { method: 'POST', body: '{"a":1}', body_format: 'json' }),
  ask('posts a form', '/echo', {
    method: 'POST',
    body: { a: 'x y', b: ['1', '2'], c: 'ü&' },
    body_format: 'form-urlencoded',
  }),
  ask('puts a text', '/echo', {
    method: 'PUT',
    body: 'line\nline "two"',
    headers: { 'X-Mine': 'a: "b"', 'Content-Type': 'text/x' },
  }),
  ask('deletes', '/echo', { method: 'DELETE', status_code: [204] }),
  ask('gets with a body', '/echo', { body: 'x', headers: { 'Content-Type': 'text/x' } }),
  ask('posts nothing', '/echo', { method: 'POST', headers: { 'X-Mine': '1' } }, '', { except: ['json'] }),
  ask('only looks', '/json', { method: 'HEAD' }, '', { except: ['content_length'] }),
  ask('follows a redirect', '/redirect', { return_content: true }),
  ask('does not follow a redirect', '/redirect', { follow_redirects: 'none', status_code: [302] }),
  ask('does not follow a redirect of a post', '/redirect', { method: 'POST', status_code: [302] }),
  ask('follows a redirect of a post', '/redirect', {
    method: 'POST',
    follow_redirects: 'all',
    return_content: true,
  }),
  ask('with a password', '/auth', { user: 'me', password: `it's "secret"`, return_content: true }),
  ask('with a password at once', '/auth', { user: 'me', password: `it's "secret"`, force_basic_auth: true }),
  ask('without a password', '/auth', {}, '', { except: ['msg'] }),
  ask('into a file', '/file.txt', { dest: '{dir}/f', mode: '0600' }, '', { except: ['changed'] }),
  ask('into a directory', '/file.txt', { dest: '{dir}' }, '', { except: ['changed'] }),
  ask('not when created', '/file.txt', { creates: '{dir}' }),
  ask('not without', '/file.txt', { removes: '{dir}/none' }),
  ask('refuses an odd method', '/file.txt', { method: 'a b' }),
];

describe('requests to web services', () => {
  let server: ChildProcess;

  before(async () => {
    const file = join(import.meta.dirname, 'testdata', 'server.mjs');
    server = spawn(process.execPath, [file, String(PORT)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise(ready => server.stdout!.once('data', ready));
  });

  after(() => server.stdin!.end());

  describe('get_url', () => {
    const fields = [
      'dest',
      'msg',
      'status_code',
      'response',
      'mode',
      'owner',
      'state',
      'size',
      'checksum_src',
      'md5sum',
      'backup_file',
    ];
    itAgreesWithAnsible(getUrl, { via: 'module', fields }, DOWNLOADS);
    itPredictsTheRun(getUrl, DOWNLOADS);
  });

  describe('uri', () => {
    const fields = [
      ...[
        'status',
        'url',
        'redirected',
        'content',
        'json',
        'msg',
        'cookies',
        'cookies_string',
        'location',
        'path',
        'stdout',
      ],
      ...['content_type', 'content_length', 'x_some_header'],
    ];
    itAgreesWithAnsible(uri, { via: 'module', fields }, REQUESTS);

    it('sends the parts of a form', async () => {
      const options = { context: { find: () => '/etc/hostname' } };
      const body = {
        a: 'x',
        f: { filename: 'some/f.txt', mime_type: 'text/x' },
        g: { content: 'y', filename: 'g' },
      };
      const args = { url: `${SERVER}/echo`, method: 'POST', body, body_format: 'form-multipart' };
      const { json } = (await runModule(uri, args, options)) as unknown as {
        json: { type: string; body: string };
      };
      const boundary = /boundary="(.*)"/.exec(json.type)![1]!;
      expect(json.body.split(`--${boundary}`)).to.deep.equal([
        '',
        '\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n',
        `\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/x\r\n\r\n${readFileSync('/etc/hostname')}\r\n`,
        '\r\nContent-Disposition: form-data; name="g"; filename="g"\r\nContent-Type: application/octet-stream\r\n\r\ny\r\n',
        '--\r\n',
      ]);
    });

    it('is skipped in check mode', async () => {
      expect(await runModule(uri, { url: SERVER }, { checkMode: true })).to.include({ skipped: true });
    });
  });

  /** The programs of the host, but some. */
  const without = (dir: string, ...missing: string[]): TestOptions => {
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    for (const name of readdirSync('/usr/bin'))
      if (!missing.includes(name)) symlinkSync(`/usr/bin/${name}`, join(bin, name));
    return { env: { PATH: bin } };
  };

  it('makes do with wget', () =>
    withTemporaryDirectory(async dir => {
      const options = without(dir, 'curl');
      const dest = join(dir, 'f');
      const url = `${SERVER}/redirect`;
      const first = await runModule(getUrl, { url, dest, checksum: `sha256:${SUM}` }, options);
      expect(first, String(first.msg)).to.include({
        changed: true,
        status_code: 200,
        url: `${SERVER}/file.txt`,
      });
      utimesSync(dest, new Date(), new Date());
      expect(await runModule(getUrl, { url, dest }, options)).to.include({
        changed: false,
        status_code: 304,
      });
      const json = await runModule(uri, { url: `${SERVER}/json` }, options);
      expect(json.json).to.deep.equal({ b: [1, 2.5, 'ü'] });
      const post = { url: `${SERVER}/echo`, method: 'POST', body: { a: 1 }, body_format: 'json' };
      expect((await runModule(uri, post, options)).json).to.include({ method: 'POST', body: '{"a": 1}' });
      const login = { url: `${SERVER}/auth`, user: 'me', password: `it's "secret"` };
      expect(await runModule(uri, login, options)).to.include({ status: 200 });
      expect(await runModule(uri, { url: `${SERVER}/none` }, options)).to.include({
        failed: true,
        status: 404,
      });
    }));

  it("makes do with busybox's wget for what it can do, and says what it cannot", () =>
    withTemporaryDirectory(async dir => {
      const dest = join(dir, 'f');
      const options = { shell: 'busybox' } as const;
      const url = `${SERVER}/file.txt`;
      const first = await runModule(getUrl, { url, dest, mode: '0600' }, options);
      expect(first, String(first.msg)).to.include({ changed: true });
      expect(readFileSync(dest, 'utf8')).to.equal('hello\n');
      const secure = await runModule(getUrl, { url: 'https://127.0.0.1:1/', dest }, options);
      expect(secure.msg).to.equal('the wget of the host cannot do this request: curl is needed');
    }));

  it('says what is missing', () =>
    withTemporaryDirectory(async dir => {
      const result = await runModule(uri, { url: SERVER }, without(dir, 'curl', 'wget'));
      expect(result).to.include({ failed: true, msg: 'needs curl or wget on the host' });
    }));

  it('never puts a password into an argument list, and leaves nothing in /tmp', () =>
    withTemporaryDirectory(async dir => {
      const options = without(dir, 'curl');
      const curl = join(dir, 'bin', 'curl');
      writeFileSync(curl, `#!/bin/sh\necho "$@" >>${join(dir, 'argv')}\nexec /usr/bin/curl "$@"\n`);
      chmodSync(curl, 0o755);
      const left = () => readdirSync('/tmp').filter(name => /^polarplay-[0-9a-f]{12}$/.test(name));
      const before = left();
      const args = {
        url: `${SERVER}/auth`,
        user: 'me',
        password: `it's "secret"`,
        method: 'POST',
        body: 'hidden',
      };
      await runModule(uri, args, options);
      expect(statSync(join(dir, 'argv')).size).to.be.greaterThan(0);
      expect(readFileSync(join(dir, 'argv'), 'utf8')).not.to.match(/secret|hidden|me:/);
      expect(left()).to.deep.equal(before);
    }));
});
