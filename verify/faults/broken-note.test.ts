import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sampleDeployment } from '../../test/support/verify/sample-deployment.ts';
import { BrokenNote, noteFile } from './broken-note.ts';

describe('the note of what is broken', () => {
  const broken = {
    fault: 'nbd.hung',
    since: '2026-01-02T03:04:05Z',
    heals: [{ host: 'st1', script: 'true' }],
  };
  let dir: string;
  let note: BrokenNote;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-note-'));
    note = new BrokenNote(join(dir, 'below', 'note.json'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is read as it was written, by nobody else, and goes', () => {
    expect(note.read()).to.equal(undefined);
    note.write(broken);
    expect(note.read()).to.deep.include(broken);
    expect(statSync(note.file).mode & 0o777).to.equal(0o600);
    note.write({ ...broken, fault: 'nbd.slow' });
    expect(note.read()?.fault).to.equal('nbd.slow');
    note.remove();
    expect(existsSync(note.file)).to.equal(false);
  });

  it('is not believed when others may write it, or when it is not a note', () => {
    note.write(broken);
    chmodSync(note.file, 0o620);
    expect(() => note.read()).to.throw('others may write it');
    rmSync(note.file);
    symlinkSync('/etc/hostname', note.file);
    expect(() => note.read()).to.throw('others may write it');
    rmSync(note.file);
    for (const [text, problem] of [
      ['{"schema": 1', 'is damaged'],
      ['[]', 'is not a note'],
      ['null', 'is not a note'],
      [JSON.stringify({ schema: 2, ...broken }), 'is not a note'],
      [JSON.stringify({ schema: 1, ...broken, heals: [{ host: 'st1' }] }), 'is not a note'],
    ] as const) {
      writeFileSync(note.file, text, { mode: 0o600 });
      expect(() => note.read(), text).to.throw(problem);
      expect(readFileSync(note.file, 'utf8')).to.equal(text);
    }
  });

  it('is another one for each cluster, below the folder for state', () => {
    const deployment = sampleDeployment('hosts');
    const file = noteFile(deployment, { XDG_STATE_HOME: '/s' });
    expect(file).to.match(/^\/s\/polarplay\/faults\/[0-9a-f]{16}\.json$/);
    expect(noteFile({ ...deployment, cluster: 'other' }, { XDG_STATE_HOME: '/s' })).to.not.equal(file);
  });
});
