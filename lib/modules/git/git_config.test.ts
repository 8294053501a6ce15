import { itAgreesWithAnsible } from '../../../test/support/ansible-module.ts';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { gitConfig } from './git_config.ts';

describe('git_config', () => {
  before(function () {
    onlyWithPrograms(this, 'git');
  });
  itAgreesWithAnsible(
    gitConfig,
    { fields: ['config_value'], ansibleName: 'community.general.git_config', via: 'module', needs: ['git'] },
    [
      {
        name: 'sets',
        args: { name: 'user.name', value: 'x y', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .',
      },
      {
        name: 'reads',
        args: { name: 'a.B', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
      {
        name: 'same',
        args: { name: 'a.b', value: '7', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
      {
        name: 'removes',
        args: { name: 'a.b', state: 'absent', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
    ],
  );
});
