import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  editsOf,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { lineinfile } from './lineinfile.ts';

const FILE = 'printf "one\\ntwo\\n# three\\ntwo again\\n" >f';

const edit = editsOf(FILE);

const AGAIN: Partial<OracleCase> = { repeats: true };

const CASES: readonly OracleCase[] = [
  edit('adds a line at the end', { line: 'new' }),
  edit('leaves a line that is there', { line: 'two' }),
  edit('adds the final newline first', { line: 'new' }, 'printf "one" >f'),
  edit('adds to an empty file', { line: 'new' }, ': >f'),
  edit('replaces the last match', { line: 'X', regexp: '^two' }, FILE, AGAIN),
  edit('replaces the first match', { line: 'X', regexp: '^two', firstmatch: true }, FILE, AGAIN),
  edit('replaces by a plain text', { line: 'X', search_string: 'wo a' }),
  edit('leaves what matches and is right', { line: 'two again', regexp: '^two' }),
  edit('adds when nothing matches', { line: 'X', regexp: '^four' }),
  edit('inserts after the last match', { line: 'X', insertafter: '^two' }),
  edit('inserts after the first match', { line: 'X', insertafter: '^two', firstmatch: true }),
  edit('inserts before the last match', { line: 'X', insertbefore: '^two' }),
  edit('inserts before the first match', { line: 'X', insertbefore: '^two', firstmatch: true }),
  edit('inserts at the top', { line: 'X', insertbefore: 'BOF' }),
  edit('inserts at the top, spelled otherwise', { line: 'X', insertafter: 'BOF' }),
  edit('inserts at the end', { line: 'X', insertafter: 'EOF' }),
  edit('inserts at the end without an anchor', { line: 'X', insertafter: '^nowhere' }),
  edit('prefers the match to the anchor', { line: 'X', regexp: '^one', insertafter: '^two' }),
  edit('expands references', { line: 'set \\1=\\g<rest>', regexp: '^(two) (?P<rest>\\w+)', backrefs: true }),
  edit('does nothing without a match for references', { line: '\\1', regexp: '^(four)', backrefs: true }),
  edit('keeps references as text otherwise', { line: 'a\\1b', regexp: '^(two)' }, FILE, AGAIN),
  edit('removes by pattern', { state: 'absent', regexp: 'two' }),
  edit('removes by line', { state: 'absent', line: 'two' }),
  edit('removes by plain text', { state: 'absent', search_string: 'two' }),
  edit('removes nothing', { state: 'absent', line: 'four' }),
  edit('removes from no file', { state: 'absent', line: 'four' }, '', { except: ['backup'] }),
  edit('refuses a missing file', { line: 'x' }, ''),
  edit('refuses a directory', { line: 'x' }, 'mkdir f'),
  {
    ...edit('makes a file', { line: 'x', create: true, mode: '0600' }, ''),
    args: { path: '{dir}/a/b/f', line: 'x', create: true, mode: '0600' },
    except: ['msg'],
  },
  edit('keeps mode and owner', { line: 'x', backup: true }, `${FILE}; chmod 640 f; chown 12:34 f`),
  edit('sets mode and owner with the line', { line: 'x', mode: 'u=rw,go=', owner: 'daemon' }),
  edit('sets the mode alone', { line: 'one', mode: '0600' }),
  edit('follows a link', { line: 'x' }, `printf "one\\n" >g; ln -s g f`),
  edit('keeps carriage returns', { line: 'x', insertafter: 'one' }, 'printf "one\\r\\ntwo\\r\\n" >f'),
  edit('knows a line with a carriage return', { line: 'two' }, 'printf "one\\r\\ntwo\\r\\n" >f'),
  edit(
    'keeps bytes that are not a text',
    { line: 'größe', regexp: '^gr' },
    'printf "\\377\\nalt\\ngrün\\n" >f',
  ),
  edit('asks the validator', { line: 'x', validate: 'grep -q one %s' }),
  edit('heeds the validator', { line: 'x', validate: 'grep -q four %s' }, FILE, {
    except: ['backup'],
    unpredictable: true,
  }),
  edit('takes a line with quotes', { line: `it's "$HOME" \\t` }),
  edit('takes a line that ends in a newline', { line: 'x\n', regexp: '^two' }, FILE, AGAIN),
  edit('matches the end of a line', { line: 'ONE', regexp: 'e$', firstmatch: true }, FILE, AGAIN),
  edit('refuses references without a pattern', { line: 'x', backrefs: true }),
];

describe('lineinfile', () => {
  itAgreesWithAnsible(lineinfile, { via: 'module', fields: ['msg', 'backup', 'found'] }, CASES);
  itPredictsTheRun(lineinfile, CASES);

  it('shows what changes', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'f');
      writeFileSync(path, 'one\n', { mode: 0o644 });
      const result = await runModule(lineinfile, { path, line: 'two', mode: '0600' }, { checkMode: true });
      expect(result).to.deep.include({
        changed: true,
        msg: 'line added and ownership, perms or SE linux context changed',
      });
      expect(result.diff).to.deep.equal([
        {
          before: 'one\n',
          after: 'one\ntwo\n',
          beforeHeader: `${path} (content)`,
          afterHeader: `${path} (content)`,
        },
        {
          before: `{\n    "mode": "0644",\n    "path": "${path}"\n}\n`,
          after: `{\n    "mode": "0600",\n    "path": "${path}"\n}\n`,
          beforeHeader: `${path} (file attributes)`,
          afterHeader: `${path} (file attributes)`,
        },
      ]);
    }));

  it('refuses a pattern that is none', async () => {
    const result = await runModule(
      lineinfile,
      { path: '/etc/passwd', line: 'x', regexp: '(' },
      { checkMode: true },
    );
    expect(result).to.include({ failed: true });
    expect(result.msg).to.match(/^regexp is not a regular expression: missing \)/);
  });
});
