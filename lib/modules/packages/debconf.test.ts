import { expect } from 'chai';
import { planFor, recordsText } from '../../../test/support/run-module.ts';
import { debconf } from './debconf.ts';

const answers = recordsText({ answers: '* postfix/mailname: old.example\n  postfix/chattr: false\n' });
const mailname = (value: string) => ({
  name: 'postfix',
  question: 'postfix/mailname',
  vtype: 'string',
  value,
});

describe('debconf', () => {
  it('changes another answer, and keeps the one wanted', () => {
    expect(planFor(debconf, mailname('new.example'), answers).changes).to.deep.equal([
      'postfix: answer to postfix/mailname',
    ]);
    expect(planFor(debconf, mailname('old.example'), answers).changes).to.deep.equal([]);
  });

  it('reads a yes-no answer whatever its letters are', () => {
    const chattr = { name: 'postfix', question: 'postfix/chattr', vtype: 'boolean', value: 'False' };
    expect(planFor(debconf, chattr, answers).changes).to.deep.equal([]);
  });

  it('shows no password', () => {
    const secret = { ...mailname('hush'), vtype: 'password' };
    const plan = planFor(debconf, secret, answers);
    expect(JSON.stringify(plan)).not.to.include('hush').and.not.to.include('old.example');
  });
});
