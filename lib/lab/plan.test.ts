import { expect } from 'chai';
import { UsageError } from '../source/errors.ts';
import { groupOf, parseDisks, parseHosts, parseSize, parseVars, planHosts } from './plan.ts';

describe('lab plan', () => {
  it('names the hosts', () => {
    expect(parseHosts(undefined)).to.deep.equal(['st1', 'rw1', 'ro1', 'ro2']);
    expect(parseHosts('3')).to.deep.equal(['h1', 'h2', 'h3']);
    expect(parseHosts('a, b-2')).to.deep.equal(['a', 'b-2']);
  });

  const badHosts = ['0', '65', 'a,a', 'A', '1a', 'a_b', 'a,', '-x', 'a.b', 'x'.repeat(22)];
  for (const text of badHosts) {
    it(`refuses --hosts ${text}`, () => {
      expect(() => parseHosts(text)).to.throw(UsageError);
    });
  }

  it('reads sizes', () => {
    expect(parseSize('--disk', '64M')).to.equal(64 * 2 ** 20);
    expect(parseSize('--disk', '15G')).to.equal(15 * 2 ** 30);
    expect(parseSize('--disk', '1GiB')).to.equal(2 ** 30);
    for (const text of ['', 'G', '0G', '100', '1.5G', '-1G', '1P']) {
      expect(() => parseSize('--disk', text), text).to.throw(UsageError, '--disk: ');
    }
  });

  it('gives disks names and exports in order, the scratch one last', () => {
    const disks = parseDisks('2x1G', '64M');
    expect(disks.map(disk => `${disk.device} ${disk.exportName}`)).to.deep.equal([
      'vdb export1',
      'vdc export2',
      'vdd scratch',
    ]);
    expect(parseDisks('1G', 'none').map(disk => disk.bytes)).to.deep.equal([2 ** 30]);
    expect(parseDisks('0x1G', 'none')).to.deep.equal([]);
    expect(() => parseDisks('21x1G', 'none')).to.throw(UsageError, 'at most 20');
    expect(() => parseDisks('3x', 'none')).to.throw(UsageError);
  });

  it('gives addresses in order and disks to storage hosts only', () => {
    const hosts = planHosts(['st1', 'rw1', 'web'], 7, parseDisks('1x1G', 'none'));
    expect(hosts.map(host => host.address)).to.deep.equal(['10.77.7.11', '10.77.7.12', '10.77.7.13']);
    expect(hosts.map(host => host.disks.length)).to.deep.equal([1, 0, 0]);
  });

  it('tells groups by names', () => {
    const groups = ['st1', 'rw1', 'ro2', 'ro12', 'h1', 'root'].map(groupOf);
    expect(groups).to.deep.equal(['storage', 'primary', 'replicas', 'replicas', undefined, undefined]);
  });

  it('keeps the types of variables', () => {
    expect(parseVars(['a=5', 'b=true', 'c=x=y', 'd='])).to.deep.equal({ a: 5, b: true, c: 'x=y', d: null });
    expect(() => parseVars(['5=a'])).to.throw(UsageError, 'NAME=VALUE');
  });
});
