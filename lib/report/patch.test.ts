import { expect } from 'chai';
import { patchLines } from './patch.ts';

describe('a unified diff', () => {
  const texts = { before: '', after: '端口 5432\n' };

  it('has names as people write them', () => {
    expect(patchLines({ before: 'before: /etc/数据库.conf', after: 'after: ü "x"' }, texts)).to.deep.equal([
      '--- before: /etc/数据库.conf',
      '+++ after: ü "x"',
      '@@ -0,0 +1,1 @@',
      '+端口 5432',
    ]);
  });

  it('has each name in a line, whatever it holds', () => {
    const [first = '', second = ''] = patchLines({ before: 'a\n@@ b', after: 'c\u001b[31m' }, texts);
    expect(first).to.equal('--- a\\n@@ b');
    expect(second).not.to.include('\u001b');
  });
});
