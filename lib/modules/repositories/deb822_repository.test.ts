import { expect } from 'chai';
import { finishedArguments, planFor, recordsText } from '../../../test/support/run-module.ts';
import { deb822Repository, renderSource, slugOf } from './deb822_repository.ts';

describe('deb822_repository', () => {
  const raw = {
    name: 'PG DG_x',
    types: 'deb',
    uris: 'https://apt.x.y/',
    suites: 'bookworm-pgdg',
    components: ['main', '15'],
    signed_by: 'https://x/key',
    enabled: true,
  };
  const finished = finishedArguments(deb822Repository, raw) as never;
  const TEXT = `Components: main 15
Enabled: yes
X-Repolib-Name: PG DG_x
Signed-By: /k.asc
Suites: bookworm-pgdg
Types: deb
URIs: https://apt.x.y/
`;

  it('writes the file as Ansible does', () => {
    expect(renderSource(finished, '/k.asc')).to.equal(TEXT);
    expect(slugOf('PG DG_x!')).to.equal('pg-dg-x');
    const key = '-----BEGIN-----\n\nabc\n';
    expect(renderSource(finished, key)).to.include('Signed-By:\n    -----BEGIN-----\n    .\n    abc\n');
  });

  const look = (text: string | undefined) =>
    recordsText({
      path: '/etc/apt/sources.list.d/pg-dg-x.sources',
      umask: '0022\n',
      parent: 'writable',
      ...(text !== undefined && {
        stat: '81a4|0|0|1|1|1|1|1|1|1|root|root',
        readable: '',
        own: '',
        content: text,
      }),
    });
  const KEY = recordsText({ key: '/etc/apt/keyrings/pg-dg-x.asc' });
  const DIFFERS = recordsText({ differs: '' });

  it('notices a new file and a new key', () => {
    expect(planFor(deb822Repository, raw, KEY + DIFFERS + look(undefined)).changes).to.deep.equal([
      'write /etc/apt/keyrings/pg-dg-x.asc',
      'write /etc/apt/sources.list.d/pg-dg-x.sources',
    ]);
    const same = TEXT.replace('/k.asc', '/etc/apt/keyrings/pg-dg-x.asc');
    expect(planFor(deb822Repository, raw, KEY + look(same)).changes).to.deep.equal([]);
    expect(planFor(deb822Repository, raw, KEY + DIFFERS + look(same)).changes).to.have.length(1);
  });
  it('removes file and keys', () => {
    const plan = planFor(
      deb822Repository,
      { name: 'PG DG_x', state: 'absent' },
      recordsText({ old: '/etc/apt/keyrings/pg-dg-x.asc' }) + look('x'),
    );
    expect(plan.changes).to.have.length(2);
    expect(
      planFor(deb822Repository, { name: 'PG DG_x', state: 'absent' }, look(undefined)).changes,
    ).to.deep.equal([]);
  });
  it('says that a key cannot be had', () => {
    expect(() =>
      planFor(deb822Repository, raw, recordsText({ unfetched: 'curl: (6) no such host' }) + look(undefined)),
    ).to.throw('Could not fetch signed_by key: curl: (6) no such host');
  });
});
