import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { madeUpNight } from '../../test/support/bench/made-up-nights.ts';
import { comparable, differences } from '../cluster/history/comparability.ts';
import { appendHistory } from '../cluster/history/history.ts';
import { csvOf, rowsOf } from '../cluster/history/rows.ts';
import { judgeRun } from '../cluster/history/verdict.ts';
import { historyFile, writeRun } from '../cluster/output.ts';
import { seededRandom } from '../cluster/statistics.ts';
import type { HttpRun } from '../http/run.ts';
import { formatHtml } from './html.ts';
import { formatMarkdown } from './markdown.ts';
import { trendCharts } from './trend.ts';

const MEMORY = { 'memory MiB': '256900' };

describe('bench: the sentence about a night', () => {
  const quiet = Array.from({ length: 12 }, (_, day) => madeUpNight({ nodes: 3, day }).record);
  const sentence = (...nights: Parameters<typeof madeUpNight>[0][]) => {
    const records = nights.map(like => madeUpNight(like).record);
    return judgeRun(records.at(-1)!, [...quiet, ...records]);
  };

  it('a quiet night: what was seen, and what would be', () => {
    const { level, sentence: said } = sentence({ nodes: 3, day: 12 });
    expect(level).to.equal('fine');
    expect(said).to.match(
      /^As fast as in the 12 nights before \(.* a loss of \d+(\.\d)? % would be noticed\)\.$/,
    );
  });

  it('a loss, the second night, with the last fine night to compare with', () => {
    const low = { nodes: 3, writing: 0.85 };
    const first = sentence({ ...low, day: 12 });
    expect([first.level, first.newlyConfirmed]).to.deep.equal(['suspect', false]);
    const second = sentence({ ...low, day: 12 }, { ...low, day: 13 });
    expect([second.level, second.newlyConfirmed, second.lastFine?.id]).to.deep.equal([
      'confirmed',
      true,
      quiet.at(-1)!.id,
    ]);
    expect(second.sentence).to.match(
      /−1\d % against 12 nights, second night, and 2 more of 6 measurements\.$/,
    );
    const third = sentence({ ...low, day: 12 }, { ...low, day: 13 }, { ...low, day: 14 });
    expect([third.level, third.newlyConfirmed]).to.deep.equal(['confirmed', false]);
  });

  it('a slow node and a slow disk are named, whoever they are', () => {
    const said = sentence({ nodes: 3, day: 12, slow: { host: 'ro2', share: 0.5 }, disk: 0.3 }).sentence;
    expect(said).to.match(
      /the disk of st1 does (29|3\d) % of its usual random \w+; slowest node ro2 at (4|5)\d % of the others\.$/,
    );
  });

  it('a slow node whose disk is slow too is one thing', () => {
    const night = (day: number, share: number) => {
      const { record } = madeUpNight({
        nodes: 3,
        day,
        ...(share < 1 ? { slow: { host: 'ro2', share } } : {}),
      });
      const [first] = record.storage;
      return { ...record, storage: [{ ...first!, host: 'ro2', iops: 1000 * share }] };
    };
    const before = Array.from({ length: 12 }, (_, day) => night(day, 1));
    expect(judgeRun(night(12, 0.4), before).sentence).to.match(
      /; slowest node ro2 at (3|4)\d % of the others, and its disk at 40 % of its usual random writes\.$/,
    );
  });

  it('a disk that others use as well is not called slow night after night, one that is throttled is, and stays so', () => {
    const random = seededRandom(7);
    const noise = () => Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(6.2832 * random()));
    const hosts = ['st1', 'rw1', 'ro1', 'ro2'];
    const night = (day: number, share = 1) => ({
      ...madeUpNight({ nodes: 1, day }).record,
      storage: hosts.map(host => ({
        host,
        test: 'random reads',
        iops: 10_000 * noise() * (host === 'ro1' ? share : 1),
        p99Ms: 1,
      })),
    });
    const nights = Array.from({ length: 60 }, (_, day) => night(day));
    const named = nights.filter(record => judgeRun(record, nights).slowDisks.length > 0);
    expect(named.length).to.be.at.most(1);
    for (const count of [7, 40]) {
      const slow = [...nights.slice(0, count), night(60, 0.02), night(61, 0.02), night(62, 0.02)];
      for (const record of slow.slice(-3))
        expect(judgeRun(record, slow).slowDisks.map(d => d.host)).to.include('ro1');
    }
  });

  it('a night whose clock was wrong is no latest night for ever', () => {
    const wrong = { ...madeUpNight({ nodes: 3, day: 12 }).record, at: '2036-01-01T02:00:00.000Z' };
    const next = madeUpNight({ nodes: 3, day: 13 }).record;
    const [trend] = judgeRun(next, [...quiet, wrong, next]).trends;
    expect(trend!.runs.map(r => r.record.id).slice(-2)).to.deep.equal([wrong.id, next.id]);
  });

  it('a night is judged as quickly after years as after months', () => {
    const { record } = madeUpNight({ nodes: 16, day: 0 });
    const took = (nights: number) => {
      const history = Array.from({ length: nights }, (_, i) => ({ ...record, id: `${i}` }));
      for (const one of history) comparable(one, record);
      const times = [1, 2, 3].map(() => {
        const began = performance.now();
        judgeRun(history.at(-1)!, history);
        return performance.now() - began;
      });
      return Math.min(...times);
    };
    took(100);
    expect(took(4_000) / took(200)).to.be.lessThan(5);
  });

  it('a night of which no measurement counts has a report that says so', () => {
    const detail = madeUpNight({ nodes: 3, day: 12, complaints: ['rw1: hung: pgbench of 60 s did not end'] });
    const cells = detail.record.cells.map(cell => ({ ...cell, tps: 0, invalid: 'rw1: hung' }));
    const record = { ...detail.record, cells, night: [], storage: [], sweep: [] };
    const verdict = judgeRun(record, quiet);
    expect(verdict.sentence).to.equal(
      'No measurement of this run counts; rw1: hung: pgbench of 60 s did not end.',
    );
    for (const series of [detail.series, []]) {
      const run = { record, consistent: undefined, series };
      for (const text of [formatHtml(run, verdict, quiet), formatMarkdown(run, verdict, quiet)]) {
        expect(text)
          .to.contain('No measurement of this run counts')
          .and.not.to.match(/NaN|undefined|Infinity/);
      }
    }
  });

  it('says that a night was not steady, when the same load measured twice differs, and has no trend of that', () => {
    const said = (factor: number) => {
      const { record } = madeUpNight({ nodes: 3, day: 12 });
      const [one] = record.night.filter(n => n.workload === 'read-write');
      const again = { ...one!, workload: 'read-write-again' as const, tps: one!.tps * factor };
      return judgeRun({ ...record, night: [...record.night, again] }, quiet);
    };
    expect(said(0.88).sentence).to.match(
      /; the same load measured twice differs by 12 %: the night was not steady\.$/,
    );
    expect(said(0.97).sentence).not.to.contain('twice');
    expect(said(0.97).trends.map(t => t.workload)).not.to.include('read-write-again');
  });

  it('troubles come along, and a run without a measurement says so', () => {
    const broken = sentence({
      nodes: 3,
      day: 12,
      complaints: ['ro2 was not measured: no route', 'and more'],
    });
    expect(broken.level).to.equal('broken');
    expect(broken.sentence).to.contain('; ro2 was not measured: no route (and 1 more).');
    const empty = { ...madeUpNight({ nodes: 3, day: 12 }).record, night: [], cells: [] };
    expect(judgeRun(empty, quiet).sentence).to.equal('Nothing was measured.');
  });

  it('a switchover and a minor update go on with the trend; other hardware and other rules end it', () => {
    const before = quiet.at(-1)!;
    for (const [change, goesOn] of [
      [{ primary: 'ro1' }, true],
      [
        { stable: { kernel: '6.1.0-99-amd64', version: 'PostgreSQL 15.9 (PolarDB 15.9.0.0)', ...MEMORY } },
        true,
      ],
      [{ stable: { log_min_duration_statement: '1000ms' } }, true],
      [{ stable: { random_page_cost: '4' } }, true],
      [{ stable: { cpus: '16' } }, false],
      [{ stable: { fsync: 'off' } }, false],
    ] as const) {
      const after = madeUpNight({ nodes: 3, day: 12, ...change }).record;
      expect(comparable(before, after), JSON.stringify(change)).to.equal(goesOn);
    }
    expect(comparable(before, madeUpNight({ nodes: 4, day: 12 }).record)).to.equal(false);
    const said = (change: object) =>
      differences(before, madeUpNight({ nodes: 3, day: 12, ...change }).record).map(
        d => `${d.weight} ${d.where} ${d.what}`,
      );
    expect(said({ stable: { log_min_duration_statement: '1000ms', ...MEMORY } })).to.deep.equal([]);
    expect(said({ stable: { random_page_cost: '4' } })).to.deep.equal([
      'noted storage random_page_cost',
      'noted primary random_page_cost',
      'noted replica random_page_cost',
    ]);
    expect(said({ primary: 'ro1' })).to.deep.equal(['noted  primary']);
  });
});

describe('bench: pages and tables', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-pages-'));
  after(() => rmSync(dir, { recursive: true }));

  it('thirty nights of sixteen nodes: index, reports, and nothing that a host says is markup', () => {
    const evil = '<script>alert(1)</script>';
    const nights = Array.from({ length: 30 }, (_, day) =>
      madeUpNight({
        nodes: 16,
        day,
        ...(day > 10 ? { stable: { kernel: evil } } : {}),
        ...(day > 27 ? { writing: 0.8, slow: { host: 'ro7', share: 0.5 } } : {}),
      }),
    );
    for (const { record } of nights.slice(0, -1)) appendHistory(historyFile(dir), record);
    const http: HttpRun = {
      ...{ schema: 1, id: '20260920T120000', at: '2026-09-20T12:00:00Z', deployment: '', standIn: true },
      ...{ cluster: 'polar', rate: 5, phases: [], cost: undefined, remarks: [], interrupted: evil },
    };
    writeFileSync(join(dir, `${http.id}-http.json`), JSON.stringify(http));
    writeFileSync(join(dir, '20260921T120000-http.json'), 'cut o');
    const { name } = writeRun(dir, nights.at(-1)!);
    const index = readFileSync(join(dir, 'index.html'), 'utf8');
    expect(index.match(/href="2026[^"]*-nightly\.html"/g)).to.have.length(30);
    expect(index.match(/href="[^"]*-http\.html"/g)).to.deep.equal(['href="20260920T120000-http.html"']);
    expect(index).to.match(/20260921T020000-nightly.*20260920T120000-http.*20260920T020000-nightly/s);
    const listed = JSON.parse(readFileSync(join(dir, 'nights.json'), 'utf8')) as {
      id: string;
      sentence: string;
    }[];
    expect(listed).to.have.length(30);
    expect(listed[0]!.sentence).to.contain('second night');
    expect(index).to.contain(`href="${listed[0]!.id}-nightly.html"`);
    const last = readFileSync(`${name}.html`, 'utf8');
    for (const text of [index, last]) {
      expect(text).not.to.match(/<script|https?:|url\(|NaN|undefined|Infinity/);
      expect(text).to.contain('second night');
    }
    expect(last.indexOf('second night')).to.be.lessThan(last.indexOf('<svg'));
    expect(last).to.contain('6.1.0-40-amd64 → &lt;script&gt;');
    for (const host of ['rw1', 'ro7', 'ro15']) expect(last).to.contain(`>${host}</span>`);
  });

  it('runs of one day are told apart by their hour, nights by their day', () => {
    const charts = (hours: boolean) => {
      const records = Array.from({ length: 9 }, (_, i) => {
        const { record } = madeUpNight({ nodes: 1, day: i });
        return hours ? { ...record, at: `2026-09-01T0${i}:30:00Z` } : record;
      });
      return trendCharts(judgeRun(records.at(-1)!, records));
    };
    expect(charts(true)).to.contain('>08:30<').and.not.to.contain('>09-01<');
    expect(charts(false)).to.contain('>09-09<').and.not.to.contain('>02:00<');
  });

  it('CSV has a line for each measurement and node, and quotes what needs it', () => {
    const record = madeUpNight({ nodes: 2, day: 3, primary: 'a,"b"' }).record;
    const lines = csvOf(rowsOf(record, judgeRun(record, [])))
      .trimEnd()
      .split('\n');
    expect(lines[0]).to.match(/^run,at,cluster,profile,workload,nodes,host,tps,/);
    // Two measurements of reading with 1 and 2 nodes, three of writing with one: each with a line for all of them.
    expect(lines).to.have.length(1 + 2 + 3 + 3 * 2);
    expect(lines[1]).to.match(/^20260904T020000,.*,read-only,1,,\d.*,"a,""b"""$/);
  });
});
