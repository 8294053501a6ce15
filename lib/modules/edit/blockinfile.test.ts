import {
  editsOf,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { blockinfile } from './blockinfile.ts';

const FILE = 'printf "one\\ntwo\\nthree\\ntwo again\\n" >f';
const BLOCK = 'printf "one\\n# BEGIN ANSIBLE MANAGED BLOCK\\nold\\n# END ANSIBLE MANAGED BLOCK\\ntwo\\n" >f';

const edit = editsOf(FILE);

const CASES: readonly OracleCase[] = [
  edit('adds a block at the end', { block: 'a\nb' }),
  edit('adds a block that ends in a newline', { block: 'a\nb\n' }),
  edit('adds the final newline first', { block: 'a' }, 'printf one >f'),
  edit('adds to an empty file', { block: 'a' }, ': >f'),
  edit('leaves a block that is right', { block: 'old' }, BLOCK),
  edit('replaces a block where it is', { block: 'new\nlines', insertafter: 'EOF' }, BLOCK),
  edit('removes a block', { state: 'absent' }, BLOCK),
  edit('removes a block whose text is empty', { block: '' }, BLOCK),
  edit('removes no block', { state: 'absent' }),
  edit('removes from no file', { state: 'absent', create: true }, ''),
  edit('refuses to remove from no file', { state: 'absent' }, ''),
  edit('inserts after the last match', { block: 'a', insertafter: '^two' }),
  edit('inserts before the last match', { block: 'a', insertbefore: '^two' }),
  edit('inserts at the top', { block: 'a', insertbefore: 'BOF' }),
  edit('inserts at the end without a match', { block: 'a', insertbefore: '^none' }),
  edit('inserts after a match over lines', { block: 'a', insertafter: '(?m)one\\ntwo' }),
  edit('inserts before a match over lines', { block: 'a', insertbefore: '(?m)^two\\nthree' }),
  edit('uses other markers', {
    block: 'x',
    marker: '<!-- {mark} it -->',
    marker_begin: 'from',
    marker_end: 'to',
  }),
  edit('keeps two blocks apart', { block: 'x', marker: '# {mark} OTHER' }, BLOCK),
  edit('takes reversed markers', { block: 'x', marker_begin: 'END', marker_end: 'BEGIN' }, BLOCK),
  edit('refuses a missing file', { block: 'a' }, ''),
  edit('refuses a directory', { block: 'a' }, 'mkdir f'),
  edit('makes a file', { block: 'a', create: true }, ''),
  edit('keeps a copy', { block: 'a', backup: true }),
  edit('keeps bytes and carriage returns', { block: 'grün' }, 'printf "\\377\\r\\nx\\r\\n" >f'),
  edit('heeds the validator', { block: 'a', validate: 'false %s' }, FILE, { unpredictable: true }),
  edit('follows a link', { block: 'x' }, 'printf "one\\n" >g; ln -s g f'),
  edit('sets the mode with the block', { block: 'x', mode: '0600' }),
  edit('a marker without {mark} piles up', { block: 'x', marker: '# it' }, FILE, { repeats: true }),
];

/** Ansible knows these since 2.16, the packaged one is older. */
const NEWER: readonly OracleCase[] = [
  edit('keeps empty lines around', {
    block: 'x',
    insertafter: 'one',
    append_newline: true,
    prepend_newline: true,
  }),
  edit('adds no empty line at the ends', { block: 'x', append_newline: true, prepend_newline: true }, ': >f'),
];

describe('blockinfile', () => {
  itAgreesWithAnsible(blockinfile, { via: 'module', fields: ['msg', 'backup_file'] }, CASES);
  itPredictsTheRun(blockinfile, [...CASES, ...NEWER]);
});
