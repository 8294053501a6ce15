import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Module, Plan } from '../kit/define.ts';
import { aptKey } from './apt_key.ts';
import { aptRepository, editSources, parseSource, suggestFile } from './apt_repository.ts';
import { deb822Repository, renderSource, slugOf } from './deb822_repository.ts';
import { rpmKey } from './rpm_key.ts';
import { yumRepository } from './yum_repository.ts';

function planFor(module: Module, raw: Record<string, Json>, stdout: string, rc = 0): Plan {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  const found = replaySteps(module.probe(args, testContext()), [{ stdout, rc }]).value as never;
  return module.diff(found, args, testContext());
}

describe('yum_repository', () => {
  const at = { reposdir: '{dir}', name: 'pgdg' };
  const repo = { ...at, description: 'PostgreSQL 15', baseurl: 'https://x.y/15/', gpgcheck: true };
  const has = '[pgdg]\\nname = PostgreSQL 15\\nbaseurl = https://x.y/15/\\ngpgcheck = 1\\n\\n';
  const other = '[other]\\nname = o\\nbaseurl = http://o/\\n\\n';
  const cases: readonly OracleCase[] = [
    { name: 'new', args: repo },
    { name: 'there', setup: `printf '${has}' >pgdg.repo`, args: repo },
    {
      name: 'other order',
      setup: `printf '[pgdg]\\ngpgcheck=1\\nname=PostgreSQL 15\\nbaseurl=https://x.y/15/\\n' >pgdg.repo`,
      args: repo,
    },
    { name: 'changed', setup: `printf '${has}' >pgdg.repo`, args: { ...repo, enabled: false } },
    { name: 'beside another', setup: `printf '${other}' >f.repo`, args: { ...repo, file: 'f' } },
    {
      name: 'several URLs',
      args: {
        ...repo,
        baseurl: ['http://a/', 'http://b/'],
        gpgkey: ['http://k1', 'http://k2'],
        exclude: ['x', 'y*'],
      },
    },
    { name: 'absent', setup: `printf '${other}${has}' >pgdg.repo`, args: { ...at, state: 'absent' } },
    { name: 'the only one absent', setup: `printf '${has}' >pgdg.repo`, args: { ...at, state: 'absent' } },
    { name: 'absent already', args: { ...at, state: 'absent' } },
    { name: 'mode', args: { ...repo, mode: '0600' } },
    { name: 'no URL', args: { ...at, description: 'x' } },
    { name: 'no directory', args: { ...repo, reposdir: '{dir}/none' } },
  ];
  itAgreesWithAnsible(yumRepository, { fields: ['repo'], via: 'module' }, cases);
  itPredictsTheRun(yumRepository, cases);
});

describe('apt_repository', () => {
  const LINE = 'deb [signed-by=/k] http://apt.x.y/ubuntu jammy main';
  const edit = (files: Record<string, string>, raw: Record<string, string>) =>
    Object.fromEntries(
      editSources(new Map(Object.entries(files)), {
        repo: LINE,
        state: 'present',
        filename: undefined,
        ...raw,
      } as never),
    );

  it('adds a file named after the URL', () => {
    expect(edit({}, {})).to.deep.equal({ '/etc/apt/sources.list.d/apt_x_y_ubuntu.list': `${LINE}\n` });
    expect(edit({}, { filename: 'pg' })).to.deep.equal({ '/etc/apt/sources.list.d/pg.list': `${LINE}\n` });
    expect(suggestFile('deb https://u:p@h.x/a b c', undefined)).to.equal(
      '/etc/apt/sources.list.d/h_x_a.list',
    );
  });
  it('knows the source however it is spaced, and enables one that is commented out', () => {
    expect(edit({ '/a.list': `  ${LINE.replaceAll(' ', '  ')}   # c\n` }, {})).to.deep.equal({});
    expect(edit({ '/a.list': `x\n# ${LINE}\n` }, {})).to.deep.equal({ '/a.list': `x\n${LINE}\n` });
  });
  it('removes it everywhere', () => {
    const files = { '/a.list': `${LINE}\n`, '/b.list': `# c\n${LINE}\n# ${LINE}\n` };
    expect(edit(files, { state: 'absent' })).to.deep.equal({ '/a.list': '', '/b.list': `# c\n# ${LINE}\n` });
  });
  it('refuses what is no source', () => {
    expect(() => edit({}, { repo: 'http://x' })).to.throw('Invalid repository string: http://x');
    expect(parseSource('#deb x').enabled).to.equal(false);
  });
  it('expands a PPA for the release of the host', () => {
    const plan = planFor(aptRepository, { repo: 'ppa:a/b' }, recordsText({ release: 'jammy' }));
    expect(plan.changes[0]).to.equal('/etc/apt/sources.list.d/ppa_a_b_jammy.list: ppa:a/b');
  });
});

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

describe('apt_key', () => {
  const pub = (id: string) =>
    `pub:-:4096:1:${id}:1400000000:::-:::scSC:\nsub:-:4096:1:AAAAAAAAAAAA${id.slice(-4)}:140:::::e:\n`;
  const key = pub('7FCC7D46ACCC4CF8');
  const [KNOWN, GIVEN] = [recordsText({ known: key }), recordsText({ given: key })];
  it('knows a key by its identifier, long or short', () => {
    expect(planFor(aptKey, { id: 'ACCC4CF8', url: 'u' }, KNOWN + GIVEN).changes).to.deep.equal([]);
    expect(
      planFor(aptKey, { id: 'B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8', url: 'u' }, KNOWN + GIVEN).changes,
    ).to.deep.equal([]);
    expect(planFor(aptKey, { url: 'u' }, GIVEN).changes).to.deep.equal(['add key 7FCC7D46ACCC4CF8']);
    expect(planFor(aptKey, { id: '0xACCC4CF8', state: 'absent' }, KNOWN).changes).to.deep.equal([
      'remove key ACCC4CF8',
    ]);
    expect(planFor(aptKey, { id: 'ACCC4CF8', state: 'absent' }, '').changes).to.deep.equal([]);
  });
  it('refuses another key than the one named', () => {
    expect(() => planFor(aptKey, { id: '11111111', url: 'u' }, GIVEN)).to.throw(
      'key does not seem to have been added',
    );
  });
  it('says what to use where apt-key is gone', () => {
    expect(() => planFor(aptKey, { url: 'u' }, '', 96)).to.throw('deb822_repository');
  });
});

describe('rpm_key', () => {
  const FPR = '68c9e2b91a37d136fe74d176a5b6c2e1442df0f8';
  const [KEY, KNOWN] = [recordsText({ key: FPR }), recordsText({ known: '442df0f8\n' })];
  it('compares the short identifier with those rpm knows', () => {
    const raw = { key: 'https://x/k' };
    expect(planFor(rpmKey, raw, KEY).changes).to.deep.equal(['import key 442df0f8']);
    expect(planFor(rpmKey, raw, KEY + KNOWN).changes).to.deep.equal([]);
    expect(planFor(rpmKey, { key: '442DF0F8', state: 'absent' }, KNOWN).changes).to.deep.equal([
      'remove key 442df0f8',
    ]);
  });
  it('checks the fingerprint', () => {
    expect(() => planFor(rpmKey, { key: 'https://x/k', fingerprint: '00 11' }, KEY)).to.throw(
      'does not match any key fingerprints',
    );
    expect(
      planFor(rpmKey, { key: 'https://x/k', fingerprint: FPR.toUpperCase() }, KEY).changes,
    ).to.have.length(1);
  });
  it('imports no identifiers', () => {
    expect(() => planFor(rpmKey, { key: '442DF0F8' }, '')).to.throw(
      'When importing a key, a valid file must be given',
    );
  });
});
