import { expect } from 'chai';
import { planFor, recordsText } from '../../../test/support/run-module.ts';
import { aptRepository, editSources, parseSource, suggestFile } from './apt_repository.ts';

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
  it('refuses what is not a source', () => {
    expect(() => edit({}, { repo: 'http://x' })).to.throw('Invalid repository string: http://x');
    expect(parseSource('#deb x').enabled).to.equal(false);
  });
  it('expands a PPA for the release of the host', () => {
    const plan = planFor(aptRepository, { repo: 'ppa:a/b' }, recordsText({ release: 'jammy' }));
    expect(plan.changes[0]).to.equal('/etc/apt/sources.list.d/ppa_a_b_jammy.list: ppa:a/b');
  });
});
