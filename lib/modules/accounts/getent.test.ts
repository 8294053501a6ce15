import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { runModule } from '../../../test/support/run-module.ts';
import { getent, parseEntries } from './getent.ts';

describe('getent', () => {
  it('reads an entry into facts', async function () {
    onlyWithPrograms(this, 'getent');
    const result = await runModule(getent, { database: 'passwd', key: 'root' });
    const facts = result.ansible_facts as { getent_passwd: { root: string[] } };
    expect(facts.getent_passwd.root.slice(1, 3)).to.deep.equal(['0', '0']);
  });
  it('fails for a missing key, or gives null', async function () {
    onlyWithPrograms(this, 'getent');
    const args = { database: 'passwd', key: 'nosuch-user' };
    expect((await runModule(getent, args)).msg).to.equal(
      'One or more supplied key could not be found in the database.',
    );
    expect((await runModule(getent, { ...args, fail_key: false })).ansible_facts).to.deep.equal({
      getent_passwd: { 'nosuch-user': null },
    });
    expect((await runModule(getent, { database: 'nosuch' })).msg).to.equal(
      'Missing arguments, or database unknown.',
    );
  });
  it('makes a list of several entries with one key', () => {
    expect(parseEntries('a:1\nb:2\na:3\n', ':')).to.deep.equal({ a: [['1'], ['3']], b: ['2'] });
    expect(parseEntries('127.0.0.1   localhost vm\n', undefined)).to.deep.equal({
      '127.0.0.1': ['localhost', 'vm'],
    });
  });
});
