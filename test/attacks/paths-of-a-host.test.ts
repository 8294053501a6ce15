import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findModule } from '../../lib/engine/module-list.ts';
import { folderOf, runIn } from '../support/program.ts';
import { runModule, withTemporaryDirectory } from '../support/run-module.ts';

const RUN = ['site.yml', '-i', 'hosts', '--format', 'json'];

describe('attacks: paths that a host or a value of it makes up', () => {
  it('fetch writes below its own host only', () =>
    withTemporaryDirectory(async dir => {
      writeFileSync(join(dir, 'passwords'), 'mine\n');
      mkdirSync(join(dir, 'fetched/other'), { recursive: true });
      const up = dir.slice(1).replaceAll(/[^/]+/g, '..');
      for (const path of [`${dir}/../${up}/../other${dir}/passwords`, '/../other/passwords']) {
        const env = { EVIL: path };
        const args = { src: '$EVIL', dest: `${dir}/fetched/` };
        const result = await runModule(findModule('fetch')!, args, { env });
        expect(result.failed, path).to.equal(true);
      }
      const result = await runModule(
        findModule('fetch')!,
        { src: '$EVIL', dest: `${dir}/fetched` },
        { env: { EVIL: `${dir}/fetched/../passwords` } },
      );
      expect(result.failed, JSON.stringify(result)).to.equal(undefined);
      expect(readdirSync(join(dir, 'fetched')).sort()).to.deep.equal(['other', 'test']);
      expect(readdirSync(join(dir, 'fetched/other'))).to.deep.equal([]);
    }));

  it('async_status takes an id, not a path', async () => {
    const site = `- hosts: all
  gather_facts: false
  tasks:
    - async_status: {jid: "{{ item }}", mode: "{{ mode }}"}
      loop: ['../../victim', '..', '.', 'j1.1/../../../victim', '-rf', 'j1']
      ignore_errors: true
`;
    const dir = folderOf({
      'site.yml': site,
      hosts: 'h1 ansible_connection=local\n',
      'a/victim.0/keep': '',
      'a/b/.ansible_async/keep': '',
    });
    try {
      for (const mode of ['cleanup', 'status']) {
        const env = { HOME: join(dir, 'a/b') };
        const { stdout } = await runIn(dir, [...RUN, '-e', `mode=${mode}`], { env });
        const { results } = JSON.parse(stdout).plays[0].tasks[0].hosts.h1;
        for (const result of results) expect(result.msg).to.match(/is not an ansible_job_id/);
      }
      expect(existsSync(join(dir, 'a/victim.0/keep'))).to.equal(true);
      expect(existsSync(join(dir, 'a/b/.ansible_async/keep'))).to.equal(true);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
