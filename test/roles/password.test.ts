import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { trial } from '../support/run-playbook.ts';

/** The password as the role's default gives it, beside a record and with the files of a copy of the inventory. */
async function password(
  identifier: string,
  files: Readonly<Record<string, string>> = {},
  vars: Readonly<Record<string, string>> = {},
) {
  const play = {
    hosts: 'h1',
    gather_facts: false,
    vars_files: ['defaults.yml'],
    vars: { polar_record: { record: { system_identifier: identifier } } },
    tasks: [{ debug: { msg: '{{ polardb_password }}' } }],
  };
  const defaults = readFileSync(join(PACKAGE_ROOT, 'roles/cluster/defaults/main.yml'), 'utf8');
  const failures: string[] = [];
  const { said } = await trial(
    { 'site.yml': JSON.stringify([play]), 'defaults.yml': defaults, ...files },
    {
      hosts: 'h1\n',
      extraVars: vars,
      onEvent: event => {
        if (event.type === 'outcome' && event.status === 'failed') failures.push(String(event.result.msg));
      },
    },
  );
  return { said, failures };
}

const FILE = 'credentials/polar.polardb';

describe('the password of a cluster', () => {
  it('is made for a cluster that has no database yet', async () => {
    const { said, failures } = await password('');
    expect(failures).to.deep.equal([]);
    expect(said[0]).to.match(/^[A-Za-z0-9]{24}$/);
  });

  it('is that of the file, wherever the file was copied to', async () => {
    expect((await password('7301', { [FILE]: 'of the first engineer\n' })).said).to.deep.equal([
      'of the first engineer',
    ]);
  });

  it('is never made a second time: a copy of the inventory without the file is refused, which names it', async () => {
    const { said, failures } = await password('7301');
    expect(said).to.deep.equal([]);
    expect(failures).to.have.length(1);
    expect(failures[0]).to.match(
      /the password of the running cluster is missing: .*\/credentials\/polar\.polardb is not beside this copy/,
    );
  });

  it('may come from elsewhere', async () => {
    expect((await password('7301', {}, { polardb_password: 'of the vault' })).said).to.deep.equal([
      'of the vault',
    ]);
  });
});
