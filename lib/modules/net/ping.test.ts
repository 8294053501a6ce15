import { expect } from 'chai';
import { runModule } from '../../../test/support/run-module.ts';
import { ping } from './ping.ts';

describe('ping', () => {
  it('answers', async () => {
    expect(await runModule(ping, {})).to.deep.equal({ changed: false, ping: 'pong' });
  });
  it('gives back the data, in check mode too', async () => {
    expect(await runModule(ping, { data: 'hi' }, { checkMode: true })).to.deep.include({ ping: 'hi' });
  });
  it('fails on demand', async () => {
    expect(await runModule(ping, { data: 'crash' })).to.deep.include({ failed: true, msg: 'boom' });
  });
});
