import { expect } from 'chai';
import { runModule } from '../../../test/support/run-module.ts';
import { localeGen, switchLocale } from './locale_gen.ts';

describe('locale_gen', () => {
  it('switches lines on and off', () => {
    const text = '# en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n';
    expect(switchLocale(text, 'en_US.UTF-8', 'UTF-8', true)).to.equal(
      'en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n',
    );
    expect(switchLocale(text, 'de_DE.UTF-8', 'UTF-8', false)).to.equal(
      '# en_US.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8\n',
    );
    expect(switchLocale(text, 'fr_FR', 'ISO-8859-1', true)).to.equal(`${text}fr_FR ISO-8859-1\n`);
  });
  it('refuses a locale nobody has heard of', async () => {
    const result = await runModule(localeGen, { name: 'xx_YY.UTF-8' }, { checkMode: true });
    expect(result.msg).to.match(/^The locale you've entered is not available on your system: xx_YY\.UTF-8/);
  });
});
