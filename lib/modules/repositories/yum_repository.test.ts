import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { yumRepository } from './yum_repository.ts';

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
