import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { checkFidelity, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { htpasswd } from './htpasswd.ts';

describe('htpasswd', () => {
  for (const hash_scheme of ['apr_md5_crypt', 'sha512_crypt', 'ldap_sha1', 'plaintext'])
    it(`keeps users with ${hash_scheme}`, function () {
      onlyWithPrograms(this, 'openssl');
      return withTemporaryDirectory(async dir => {
        const path = join(dir, 'users');
        writeFileSync(path, 'alice:x');
        const args = { path, name: 'bob', password: "it's $x", hash_scheme };
        const { first } = await checkFidelity(htpasswd, args, dir);
        expect([first.changed, first.msg]).to.deep.equal([true, 'Add bob']);
        expect((await runModule(htpasswd, { ...args, password: 'other' })).msg).to.equal('Update bob');
        expect(readFileSync(path, 'utf8')).to.match(/^alice:x\nbob:\S+\n$/);
        await checkFidelity(htpasswd, { path, name: 'bob', state: 'absent' }, dir);
        expect(readFileSync(path, 'utf8')).to.equal('alice:x\n');
      });
    });
});
