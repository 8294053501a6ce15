import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { RESULT_FIELDS } from '../../lib/modules/kit/define.ts';
import { getUrl } from '../../lib/modules/net/get_url.ts';
import { uri } from '../../lib/modules/net/uri.ts';
import { runModule, withTemporaryDirectory } from '../support/run-module.ts';

/** The name of a header that would become the field. */
const header = (field: string): string => field.replaceAll('_', '-');

describe('attacks: a web server that answers as it likes', () => {
  let server: Server;
  let url: string;
  const asked: string[] = [];

  before(done => {
    server = createServer((request, response) => {
      asked.push(request.rawHeaders.join('\n'));
      const [, what, rest = ''] = /^\/(\w*)\??(.*)/.exec(request.url ?? '') ?? [];
      if (what === 'fields') for (const field of RESULT_FIELDS) response.setHeader(header(field), 'true');
      if (what === 'fields')
        for (const field of ['json', 'content', 'path', 'cookies']) response.setHeader(field, '{}');
      if (what === 'location') response.writeHead(300, { Location: 'http://[', Link: 'x' });
      if (what === 'name')
        response.setHeader('Content-Disposition', `attachment; filename="${decodeURIComponent(rest)}"`);
      if (what === 'fields') response.writeHead(500);
      response.end('content');
    });
    server.listen(0, '127.0.0.1', () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });
  after(() => server.close());

  it('says nothing of what came of the task by the names of its headers', async () => {
    const failed = await runModule(uri, { url: `${url}/fields` });
    expect(failed).to.include({ failed: true, changed: false, status: 500 });
    expect(failed.msg).to.match(/^Status code was 500 and not \[200\]/);
    for (const field of RESULT_FIELDS.filter(name => !['failed', 'changed', 'msg'].includes(name)))
      expect(failed, field).to.not.have.property(field);
    const accepted = await runModule(uri, { url: `${url}/fields`, status_code: [500] });
    expect([accepted.failed, accepted.changed, accepted.skipped]).to.deep.equal([
      undefined,
      false,
      undefined,
    ]);
    for (const field of ['json', 'content', 'path', 'cookies'])
      expect(accepted, field).to.not.have.property(field);
  });

  it('is answered whatever it calls an address', async () => {
    const result = await runModule(uri, { url: `${url}/location`, status_code: [300] });
    expect([result.failed, result['location'], result['link']]).to.deep.equal([undefined, 'http://[', 'x']);
  });

  it('names no file elsewhere', () =>
    withTemporaryDirectory(async dir => {
      for (const name of ['../up', '/srv/up', '..', '%2e%2e/up', 'a/../../up']) {
        const result = await runModule(getUrl, {
          url: `${url}/name?${encodeURIComponent(name)}`,
          dest: `${dir}/`,
        });
        if (!result.failed) expect(String(result['dest']).startsWith(`${dir}/`)).to.equal(true);
      }
      expect(readdirSync(join(dir, '..')).filter(name => name === 'up')).to.deep.equal([]);
      expect(readdirSync(dir).sort()).to.deep.equal(['up']);
    }));

  it('gets no header, and wget no setting, by a line break in a value', async () => {
    const value = 'x\r\nX-Mine: 1\noutput_document = /srv/took-over\nuse_askpass = /srv/program';
    for (const args of [
      { headers: { 'X-A': value } },
      { headers: { [value]: 'x' } },
      { http_agent: value },
      { url_username: value, url_password: 'x' },
      { url_username: 'x', url_password: value },
      { ca_path: value },
    ]) {
      asked.length = 0;
      const result = await runModule(uri, { url, ...args });
      expect(result.failed, JSON.stringify(args)).to.equal(true);
      expect(result.msg).to.match(/cannot hold a line break$/);
      expect(asked).to.deep.equal([]);
    }
  });

  it('is asked for the address as it is: braces and brackets are no patterns', async () => {
    const result = await runModule(uri, { url: `${url}/a{b,c}[1-9]?x={1,2}` });
    expect([result.failed, result.status]).to.deep.equal([undefined, 200]);
  });
});
