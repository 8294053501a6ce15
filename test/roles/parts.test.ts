import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../support/run-module.ts';

const PROJECT = join(import.meta.dirname, '../..');
const PARTS = join(PROJECT, 'playbooks/parts');

// Addresses that nobody has: whoever is contacted is unreachable, and the run says so.
const HOSTS = `all:
  children:
    cluster:
      children:
        storage: {hosts: {st1: {ansible_host: 192.0.2.1}}}
        nodes:
          children:
            primary: {hosts: {rw1: {ansible_host: 192.0.2.2}}}
            replicas: {hosts: {ro1: {ansible_host: 192.0.2.3}}}
`;

describe('parts of playbooks', function () {
  this.timeout(30_000);
  for (const name of readdirSync(PARTS))
    it(`${name} refuses to run alone, before it contacts a host`, () =>
      withTemporaryDirectory(dir => {
        const inventory = join(dir, 'hosts.yaml');
        writeFileSync(inventory, HOSTS);
        const { status, stdout } = spawnSync(
          process.execPath,
          [join(PROJECT, 'dist/polarplay.js'), join(PARTS, name), '-i', inventory],
          { encoding: 'utf8', cwd: dir, timeout: 25_000 },
        );
        expect(stdout)
          .to.match(/FAILED! => .*this is a part of the operations/)
          .and.not.match(/UNREACHABLE|changed: /);
        expect(status).to.equal(2);
      }));
});
