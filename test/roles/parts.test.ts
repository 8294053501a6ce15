import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { withTemporaryDirectory } from '../support/run-module.ts';
import { trial } from '../support/run-playbook.ts';

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

describe('an operation with an inventory that lacks a node of the cluster', () => {
  const [play] = parse(readFileSync(join(PARTS, 'operation.yml'), 'utf8'));
  const refusal = play.tasks.find(
    ({ name }: { name: string }) => name === 'Refuse an inventory that lacks nodes of the cluster',
  );

  /** What the refusal says where the record has these nodes and the inventory rw1 and ro1. */
  const saidOf = async (record: object | undefined) => {
    const vars = record === undefined ? { polar_record: {} } : { polar_record: { record } };
    const playbook = [{ hosts: 'all', gather_facts: false, vars, tasks: [refusal] }];
    const { error, events } = await trial(JSON.stringify(playbook), { hosts: '[nodes]\nrw1\nro1\n' });
    if (error) throw error;
    return /[^"]*belongs to the cluster[^"]*/.exec(JSON.stringify(events))?.[0];
  };

  it('is refused, with the name of the node', async () => {
    expect(await saidOf({ nodes: { rw1: 1, ro1: 2, ro2: 3 }, fenced: [] })).to.match(
      /^ro2 belongs to the cluster by its role record, but is not in the group nodes/,
    );
  });

  it('goes on where all are there, where only a fenced one is missing, and before there is a record', async () => {
    expect(await saidOf({ nodes: { rw1: 1, ro1: 2 }, fenced: [] })).to.equal(undefined);
    expect(await saidOf({ nodes: { rw1: 1, ro1: 2, ro2: 3 }, fenced: ['ro2'] })).to.equal(undefined);
    expect(await saidOf(undefined)).to.equal(undefined);
  });
});
