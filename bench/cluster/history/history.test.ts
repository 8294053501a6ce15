import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RunRecord } from '../result.ts';
import { appendHistory, readHistory } from './history.ts';

const record = (id: string): RunRecord => ({
  schema: 2,
  id,
  at: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:10:00Z',
  profile: 'smoke',
  scale: 5,
  load: {},
  deployment: 'PolarDB 15',
  cluster: {
    name: 'polar',
    database: 'polardb',
    version: '15',
    sync: 'off',
    primary: 'rw1',
    nodes: ['rw1'],
  },
  standIn: false,
  fingerprint: [],
  failed: false,
  complaints: [],
  remarks: [],
  cells: [],
  night: [],
  storage: [],
});

describe('bench: history', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-history-'));
  const file = join(dir, 'deeper', 'history.jsonl');
  after(() => rmSync(dir, { recursive: true }));

  it('begins empty, appends, reads back', () => {
    expect(readHistory(file)).to.deep.equal({ records: [], unreadable: [] });
    appendHistory(file, record('one'));
    appendHistory(file, record('two'));
    expect(readHistory(file).records.map(r => r.id)).to.deep.equal(['one', 'two']);
  });

  it('survives a torn line and a version it does not know, and says where they are', () => {
    appendFileSync(file, '{"schema":2,"id":"torn');
    appendHistory(file, record('three'));
    appendFileSync(file, `${JSON.stringify({ ...record('later'), schema: 3 })}\n`);
    const history = readHistory(file);
    expect(history.records.map(r => r.id)).to.deep.equal(['one', 'two', 'three']);
    expect(history.unreadable.map(u => u.line)).to.deep.equal([3, 5]);
    expect(history.unreadable[1]!.reason).to.contain('schema');
  });

  it('keeps lines of the version before, and says why they are not compared', () => {
    appendFileSync(file, `${JSON.stringify({ ...record('old'), schema: 1 })}\n`);
    expect(readHistory(file).unreadable.at(-1)!.reason).to.contain('of an earlier version');
  });

  it('refuses to write what it could not read', () => {
    const before = readFileSync(file, 'utf8');
    expect(() => appendHistory(file, { ...record('bad'), scale: 'large' } as unknown as RunRecord)).to.throw(
      'scale',
    );
    expect(readFileSync(file, 'utf8')).to.equal(before);
  });
});
