import { expect } from 'chai';
import { until } from '../../test/support/until.ts';
import { countdown } from './countdown.ts';

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

function work(ms: number): void {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

describe('countdown', () => {
  it('expires once, unless stopped', async () => {
    let expired = 0;
    countdown(30, () => expired++);
    const stop = countdown(30, () => (expired += 10));
    stop();
    await until(() => expired > 0);
    await pause(100);
    expect(expired).to.equal(1);
  });

  it('leaves out the time in which the program was busy itself', async () => {
    const started = Date.now();
    const expired = new Promise(resolve => countdown(500, () => resolve(Date.now() - started)));
    work(600);
    expect(await expired).to.be.at.least(800);
  });

  it('leaves out the time in which it is paused', async () => {
    let paused = true;
    let expired = false;
    countdown(
      50,
      () => (expired = true),
      () => paused,
    );
    await pause(200);
    expect(expired).to.equal(false);
    paused = false;
    await until(() => expired);
  });
});
