import {
  editsOf,
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { iniFile } from './ini_file.ts';

const FILE =
  'printf "top = 1\\n# note\\n\\n[a]\\nx = 1\\n#y=2\\n\\n; end\\n\\n[b]\\nx=1\\nx = 2\\nbare\\n" >f';

const edit = editsOf(FILE);

const CASES: readonly OracleCase[] = [
  edit('leaves an option that is right', { section: 'a', option: 'x', value: '1' }),
  edit('changes an option', { section: 'a', option: 'x', value: '2' }),
  edit('changes without spaces', { section: 'a', option: 'x', value: '2', no_extra_spaces: true }),
  edit('mends the spaces', { section: 'a', option: 'x', value: '1', no_extra_spaces: true }),
  edit('adds an option below the last', { section: 'a', option: 'z', value: 'v w' }),
  edit('takes over a comment', { section: 'a', option: 'y', value: '3' }),
  edit('adds a section', { section: 'c', option: 'z', value: '1' }),
  edit('adds a bare section', { section: 'c', allow_no_value: true }),
  edit('works above the first section', { option: 'top', value: '2' }),
  edit('adds above the first section', { option: 'new', value: '2' }),
  edit(
    'adds above the first section of a file without',
    { option: 'new', value: '2' },
    'printf "[a]\\nx=1\\n" >f',
  ),
  edit('keeps one of several', { section: 'b', option: 'x', value: '2' }),
  edit('keeps several', { section: 'b', option: 'x', values: ['2', '3'] }),
  edit('adds to several', { section: 'b', option: 'x', values: ['3', '4'], exclusive: false }),
  edit(
    'knows values that are there',
    { section: 'b', option: 'x', values: ['2', '1'], exclusive: false },
    FILE,
  ),
  edit('takes an option without value', { section: 'b', option: 'bare', allow_no_value: true }),
  edit('adds an option without value', { section: 'a', option: 'bare', allow_no_value: true }),
  edit('refuses no value', { section: 'b', option: 'bare' }),
  edit('removes an option', { section: 'b', option: 'x', state: 'absent' }),
  edit('removes one value', { section: 'b', option: 'x', value: '1', state: 'absent', exclusive: false }),
  edit('removes no option', { section: 'b', option: 'none', state: 'absent' }),
  edit('leaves comments when removing', { section: 'a', option: 'y', state: 'absent' }),
  edit('removes a section', { section: 'a', state: 'absent' }),
  edit('removes no section', { section: 'none', state: 'absent' }),
  edit('makes a file', { section: 'a', option: 'x', value: '1', mode: '0600' }, ''),
  edit('makes no file', { section: 'a', option: 'x', value: '1', create: false }, ''),
  edit('fills an empty file', { section: 'a', option: 'x', value: '1' }, ': >f'),
  edit('mends a missing final newline', { section: 'a', option: 'x', value: '1' }, 'printf "[a]\\nx = 1" >f'),
  edit(
    'takes special characters in names',
    { section: 'a.b[c]', option: 'x.y*', value: '$1 \\1' },
    'printf "[a.b[c]]\\nx_y = 1\\n" >f',
  ),
  edit('keeps a copy', { section: 'a', option: 'x', value: '9', backup: true }),
  edit(
    'sets mode and owner',
    { section: 'a', option: 'x', value: '1', mode: '0640', owner: 'daemon' },
    FILE,
    {
      except: ['msg'],
    },
  ),
];

/** Newer versions of the collection know these. */
const NEWER: readonly OracleCase[] = [
  edit('does not mind spaces', {
    section: 'b',
    option: 'x',
    values: ['1', '2'],
    ignore_spaces: true,
    no_extra_spaces: true,
  }),
  edit('leaves a comment alone', { section: 'a', option: 'y', value: '3', modify_inactive_option: false }),
];

describe('ini_file', () => {
  itAgreesWithAnsible(
    iniFile,
    { via: 'module', ansibleName: 'community.general.ini_file', fields: ['msg', 'backup_file', 'path'] },
    CASES,
  );
  itPredictsTheRun(iniFile, [...CASES, ...NEWER]);
});
