import {
  editsOf,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { replace } from './replace.ts';

const FILE = 'printf "host=a\\nport=1\\n[x]\\nport=2\\n[y]\\nport=3\\n" >f';

const edit = editsOf(FILE);

const CASES: readonly OracleCase[] = [
  edit('replaces every match', { regexp: 'port=\\d', replace: 'port=9' }),
  edit('removes every match', { regexp: '^port.*\\n' }),
  edit('matches at every line', { regexp: '^(\\w+)=(.)$', replace: '\\2=\\1' }, FILE, { repeats: true }),
  edit('expands names and escapes', { regexp: '(?P<key>\\w+)=', replace: '\\g<key>:\\t' }),
  edit('finds nothing', { regexp: 'none', replace: 'x' }),
  edit('changes nothing', { regexp: 'port', replace: 'port' }),
  edit('works after a pattern', { regexp: 'port', replace: 'PORT', after: '\\[x\\]' }),
  edit('works before a pattern', { regexp: 'port', replace: 'PORT', before: '\\[y\\]' }),
  edit('works between patterns', { regexp: 'port', replace: 'PORT', after: '\\[x\\]', before: '\\[y\\]' }),
  edit('says that the section is not there', { regexp: 'port', after: 'none' }),
  edit('keeps a copy', { regexp: 'port', replace: 'PORT', backup: true }),
  edit('refuses a missing file', { regexp: 'x' }, ''),
  edit('refuses a directory', { regexp: 'x' }, 'mkdir f'),
  edit('follows a link', { regexp: 'one', replace: 'two' }, 'printf "one\\n" >g; ln -s g f'),
  edit('knows umlauts as letters', { regexp: '\\w+', replace: 'X' }, 'printf "größe 12\\n" >f'),
  edit(
    'works in latin-1',
    { regexp: 'gr.n', replace: 'rot', encoding: 'latin-1' },
    'printf "gr\\374n\\n" >f',
  ),
  edit('sets the mode alone', { regexp: 'none', mode: '0600' }),
  edit('keeps carriage returns', { regexp: 'a$', replace: 'b' }, 'printf "a\\r\\na\\n" >f'),
  edit('heeds the validator', { regexp: 'port', validate: 'false %s' }, FILE, { unpredictable: true }),
];

describe('replace', () => {
  itAgreesWithAnsible(replace, { via: 'module', fields: ['msg', 'backup_file', 'rc'] }, CASES);
  itPredictsTheRun(replace, CASES);
});
