import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { alternatives, parseDisplay } from './alternatives.ts';

const DISPLAY = `editor - auto mode
  link best version is /usr/bin/vim
  link currently points to /usr/bin/vim
  link editor is /usr/bin/editor
  slave editor.1.gz is /usr/share/man/man1/editor.1.gz
/bin/nano - priority 40
  slave editor.1.gz: /usr/share/man/man1/nano.1.gz
/usr/bin/vim - priority 60
`;

describe('alternatives', () => {
  function commands(raw: Record<string, Json>, exists = true, display = DISPLAY): readonly string[] {
    if (alternatives.kind !== 'state') throw new Error('alternatives has a state');
    const args = finishedArguments(alternatives, { name: 'editor', ...raw }) as never;
    const stdout = recordsText({ ...(exists && { exists: '' }), display });
    const found = replaySteps(alternatives.probe(args, testContext()), [{ stdout }]).value as never;
    const plan = alternatives.diff(found, args, testContext());
    if (plan.changes.length === 0) return [];
    const { requests } = replaySteps(alternatives.apply(found, args, testContext(), plan), [{}]);
    return (requests[0] as { script: string }).script
      .split('\n')
      .slice(1)
      .map(l => l.replace(' || exit $?', ''));
  }
  it('reads what there is', () => {
    const found = parseDisplay(DISPLAY);
    expect(found).to.include({ mode: 'auto', current: '/usr/bin/vim', link: '/usr/bin/editor' });
    expect(found.alternatives.get('/bin/nano')).to.deep.equal({
      priority: 40,
      followers: [
        {
          name: 'editor.1.gz',
          path: '/usr/share/man/man1/nano.1.gz',
          link: '/usr/share/man/man1/editor.1.gz',
        },
      ],
    });
  });
  it('does what is needed', () => {
    expect(commands({ path: '/usr/bin/vim' })).to.deep.equal([]);
    expect(commands({ path: '/bin/nano' })).to.deep.equal(['update-alternatives --set editor /bin/nano']);
    expect(commands({ path: '/bin/ed', state: 'present' })).to.deep.equal([
      'update-alternatives --install /usr/bin/editor editor /bin/ed 50',
    ]);
    expect(commands({ path: '/usr/bin/vim', priority: 70 })).to.deep.equal([
      'update-alternatives --install /usr/bin/editor editor /usr/bin/vim 70',
    ]);
    expect(commands({ path: '/bin/nano', state: 'absent' })).to.deep.equal([
      'update-alternatives --remove editor /bin/nano',
    ]);
    expect(
      commands({ path: '/bin/nano', state: 'auto' }, true, DISPLAY.replace('auto mode', 'manual mode')),
    ).to.deep.equal(['update-alternatives --auto editor']);
  });
  it('says what is missing', () => {
    expect(() => commands({ path: '/bin/ed' }, false)).to.throw('Specified path /bin/ed does not exist');
    expect(() => commands({ path: '/bin/ed' }, true, '')).to.throw('missing the link');
  });
  it('reads this machine', async function () {
    onlyWithPrograms(this, 'update-alternatives');
    const result = await runModule(alternatives, { name: 'awk', path: '/no/such/awk' }, { checkMode: true });
    expect(result.msg).to.equal('Specified path /no/such/awk does not exist');
  });
});
