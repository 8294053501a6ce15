import { expect } from 'chai';
import { recordsOfLines } from '../../../test/support/run-module.ts';
import { scramVerifier } from '../../modules/databases/postgres/password.ts';
import { comparePassword, compareSettings, parseDeployed, passwordOf } from './polardb_deployed.ts';

const NODE = `setting.CLUSTER=polar
setting.NODE=rw1
setting.HOSTID=1
setting.DATABASE=polardb
setting.VERSION=15
setting.DISK=nvmeexport1
setting.DATA=/home/polardb/data
setting.OWNER=polardb`;

const WANTED = {
  cluster: 'polar',
  node: 'rw1',
  hostid: 1,
  database: 'polardb',
  version: 15,
  disk: 'nvmeexport1',
  data: '/home/polardb/data',
  user: 'polardb',
  port: 5432,
  password: 'of now',
} as const;

const deployed = (lines: string) => {
  const found = parseDeployed(recordsOfLines(lines));
  if (!found) throw new Error('nothing is deployed');
  return found;
};

describe('polardb_deployed', () => {
  it('says nothing of a host where no node is deployed', () => {
    expect(parseDeployed(recordsOfLines('pgpass='))).to.equal(undefined);
  });

  it('finds no difference where the inventory describes the node', () => {
    expect(compareSettings(deployed(NODE), WANTED)).to.deep.equal([]);
    expect(compareSettings(deployed(`${NODE}\nport=5432`), WANTED)).to.deep.equal([]);
  });

  const differences: readonly (readonly [
    string,
    Partial<Record<keyof typeof WANTED, string | number>>,
    RegExp,
  ])[] = [
    ['another cluster', { cluster: 'other' }, /^cluster_name is polar there and other in the inventory$/],
    ['exchanged addresses', { node: 'ro1' }, /the name of the node is rw1 there .*ansible_host of two nodes/],
    ['the stand-in', { database: 'postgresql' }, /polardb_database is polardb there and postgresql/],
    ['another identity', { hostid: 2 }, /polar_hostid is 1 there and 2/],
    ['another folder', { data: '/srv' }, /polardb_data is \/home\/polardb\/data there and \/srv/],
    ['another user', { user: 'postgres' }, /polardb_user is polardb there and postgres/],
    ['another version', { version: 11 }, /polardb_version is 15 there and 11/],
    ['another disk', { disk: 'nvmeexport2' }, /polardb_disk is nvmeexport1 there .*another order\?/],
    ['another port', { port: 5433 }, /polardb_port is 5432 there and 5433 .*stop\.yml with the old port/],
  ];
  for (const [what, other, text] of differences)
    it(`names ${what}`, () => {
      const found = compareSettings(deployed(`${NODE}\nport=5432`), { ...WANTED, ...other } as typeof WANTED);
      expect(found).to.have.length(1);
      expect(found[0]).to.match(text);
    });

  it('lets the port of a stopped server change', () => {
    expect(compareSettings(deployed(NODE), { ...WANTED, port: 5433 } as never)).to.deep.equal([]);
  });

  it('compares the password with that of the server, of whatever method it is kept', () => {
    const judge = (server: string, password = 'of now') => {
      const found = deployed(`${NODE}\nport=5432\npgpass=*:*:*:polardb:of before\nserver=${server}`);
      return [found.witness, comparePassword(found, { ...WANTED, password } as never)];
    };
    expect(judge(`primary ${scramVerifier('of now')}`)).to.deep.equal(['primary', 'same']);
    expect(judge(`replica ${scramVerifier('of before')}`)).to.deep.equal(['replica', 'other']);
    expect(judge('primary md559f47d98571f78b4e8d51a0e6fd05e69')).to.deep.equal(['primary', 'other']);
    expect(judge('primary ')).to.deep.equal(['primary', 'other']);
  });

  it('compares it with the password file where no server answers', () => {
    const judge = (lines: string) => {
      const found = deployed(`${NODE}\n${lines}`);
      return [found.witness, comparePassword(found, WANTED)];
    };
    expect(judge('pgpass=*:*:*:polardb:of now')).to.deep.equal(['file', 'same']);
    expect(judge('pgpass=*:*:*:polardb:of before\nport=5432\nserver=')).to.deep.equal(['file', 'other']);
    expect(judge('pgpass=')).to.deep.equal(['nobody', 'unknown']);
  });

  it('reads passwords as PostgreSQL reads its password file', () => {
    expect(passwordOf('*:*:*:polardb:plain\n')).to.equal('plain');
    expect(passwordOf('*:*:*:polardb:a\\:b\\\\c#ü "\'\n')).to.equal('a:b\\c#ü "\'');
    expect(passwordOf('# nothing\n')).to.equal(undefined);
  });
});
