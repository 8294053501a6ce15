import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  recordsOf,
  recordsText,
  runModule,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import { service } from './service.ts';
import { parseLook, parseShow, planUnit, type UnitFound, type UnitRequest } from './systemctl.ts';
import { systemd } from './systemd.ts';

const request = (more: Partial<UnitRequest>): UnitRequest => ({
  name: 'nbd',
  state: undefined,
  enabled: undefined,
  masked: undefined,
  force: false,
  daemonReload: false,
  daemonReexec: false,
  scope: 'system',
  noBlock: false,
  ...more,
});
const found = (active: string, enabled = 'disabled', more: Partial<UnitFound> = {}): UnitFound => ({
  status: { LoadState: 'loaded', ActiveState: active },
  enabledCode: ['enabled', 'static', 'indirect', 'alias', 'generated'].includes(enabled) ? 0 : 1,
  enabledText: enabled,
  initScript: false,
  chroot: false,
  ...more,
});

describe('systemd: what to do', () => {
  const cases: readonly [string, Partial<UnitRequest>, UnitFound, readonly string[]][] = [
    ['start', { state: 'started' }, found('inactive'), ['start']],
    ['start a running one', { state: 'started' }, found('active'), []],
    ['start one that is starting', { state: 'started' }, found('activating'), []],
    ['start a failed one', { state: 'started' }, found('failed'), ['start']],
    ['stop', { state: 'stopped' }, found('active'), ['stop']],
    ['stop one that is stopping', { state: 'stopped' }, found('deactivating'), ['stop']],
    ['stop a stopped one', { state: 'stopped' }, found('inactive'), []],
    ['restart', { state: 'restarted' }, found('active'), ['restart']],
    ['restart a stopped one', { state: 'restarted' }, found('inactive'), ['start']],
    ['reload', { state: 'reloaded' }, found('active'), ['reload']],
    ['reload a stopped one', { state: 'reloaded' }, found('inactive'), ['start']],
    ['enable', { enabled: true }, found('active'), ['enable']],
    ['enable an enabled one', { enabled: true }, found('active', 'enabled'), []],
    ['enable a static one', { enabled: true }, found('active', 'static'), []],
    ['enable an indirect one', { enabled: true }, found('active', 'indirect'), ['enable']],
    ['disable', { enabled: false }, found('active', 'enabled'), ['disable']],
    ['disable a disabled one', { enabled: false }, found('active'), []],
    ['mask', { masked: true }, found('inactive'), ['mask']],
    [
      'unmask, enable, start',
      { masked: false, enabled: true, state: 'started' },
      found('inactive', 'masked'),
      ['unmask', 'enable', 'start'],
    ],
    ['unmask an open one', { masked: false }, found('inactive'), []],
  ];
  for (const [name, wanted, state, verbs] of cases)
    it(name, () => expect(planUnit(request(wanted), state, false).verbs).to.deep.equal(verbs));

  const missing: UnitFound = {
    ...found('inactive', ''),
    status: { LoadState: 'not-found', ActiveState: 'inactive' },
    enabledCode: 4,
  };

  it('fails for a missing unit', () => {
    expect(() => planUnit(request({ state: 'started' }), missing, false)).to.throw(
      'Could not find the requested service nbd: host',
    );
    expect(() => planUnit(request({ state: 'stopped' }), missing, true)).to.throw(
      'Could not find the requested service',
    );
    expect(planUnit(request({ masked: true }), missing, false).verbs).to.deep.equal(['mask']);
  });

  it('warns of a missing unit in check mode', () => {
    const plan = planUnit(request({ state: 'started', enabled: true }), missing, true);
    expect(plan.verbs).to.deep.equal(['enable', 'start']);
    expect(plan.warnings[0]).to.include('Could not find the requested service nbd');
  });

  it('masks no unit whose own file stands where the mask would be', () => {
    const status = {
      LoadState: 'loaded',
      ActiveState: 'inactive',
      FragmentPath: '/etc/systemd/system/nbd.service',
    };
    const own = found('inactive', 'disabled', { status });
    for (const checkMode of [false, true])
      expect(() => planUnit(request({ masked: true }), own, checkMode)).to.throw('already exists');
    expect(planUnit(request({ masked: true, force: true }), own, false).verbs).to.deep.equal(['mask']);
  });

  it('reports a broken unit file', () => {
    const broken = found('inactive', 'disabled', { status: { LoadState: 'error', LoadError: 'bad line' } });
    expect(() => planUnit(request({ state: 'started' }), broken, false)).to.throw(
      "Error loading unit file 'nbd': bad line",
    );
  });

  it('says when systemd does not run', () => {
    const silent = found('', 'disabled', { status: {} });
    expect(() => planUnit(request({ state: 'started' }), silent, false)).to.throw(
      'Service is in unknown state',
    );
    expect(
      planUnit(request({ state: 'started' }), { ...silent, chroot: true }, false).warnings,
    ).to.have.length(1);
  });

  it('reads properties, commands over several lines included', () => {
    expect(
      parseShow('Id=a\nExecStart={ path=/x ;\n argv[]=/x }\nDescription={ open\nEnd=1=2\n'),
    ).to.deep.equal({
      Id: 'a',
      ExecStart: '{ path=/x ;\n argv[]=/x }',
      Description: '{ open',
      End: '1=2',
    });
  });

  it('reads what the host says', () => {
    const show = 'LoadState=loaded\nActiveState=active\n';
    const found = recordsOf(recordsText({ show, enabled: 'enabled\n', code: '0', initscript: '' }));
    expect(parseLook(found)).to.deep.equal({
      status: { LoadState: 'loaded', ActiveState: 'active' },
      enabledCode: 0,
      enabledText: 'enabled',
      initScript: true,
      chroot: false,
    });
  });
});

/** A systemctl that keeps the state of units in files. */
const FAKE = `#!/bin/sh
echo "$*" >>"$STATE/log"
verb=$1; unit=$2
case $verb in
  show) [ -f "$STATE/$unit" ] && { echo LoadState=loaded; echo "ActiveState=$(cat "$STATE/$unit")"; } || echo LoadState=not-found;;
  is-enabled) [ -f "$STATE/$unit.on" ] && echo enabled || { echo disabled; exit 1; };;
  start) [ "$unit" != broken ] || { echo "Job failed" >&2; exit 1; }; echo active >"$STATE/$unit";;
  stop) echo inactive >"$STATE/$unit";;
  enable) : >"$STATE/$unit.on";;
  daemon-reload) ;;
  status) echo "broken: no such file";;
esac`;

describe('systemd with a stand-in for systemctl', () => {
  async function withFake(
    test: (run: typeof runFake, log: () => Promise<string[]>, env: Record<string, string>) => Promise<void>,
  ) {
    await withTemporaryDirectory(async dir => {
      mkdirSync(join(dir, 'bin'));
      mkdirSync(join(dir, 'state'));
      writeFileSync(join(dir, 'bin/systemctl'), FAKE, { mode: 0o755 });
      for (const unit of ['web', 'broken']) writeFileSync(join(dir, 'state', unit), 'inactive\n');
      const env = { PATH: `${join(dir, 'bin')}:${process.env.PATH}`, STATE: join(dir, 'state') };
      const run = (raw: Record<string, string | boolean>, checkMode = false) =>
        runModule(systemd, raw, { checkMode, env });
      await test(run, async () => readFileSync(join(dir, 'state/log'), 'utf8').trim().split('\n'), env);
    });
  }
  const runFake = (raw: Record<string, string | boolean>, checkMode = false) =>
    runModule(systemd, raw, { checkMode });

  it('is idempotent and predicts the run in check mode', () =>
    withFake(async run => {
      const raw = { name: 'web', state: 'started', enabled: true, daemon_reload: true };
      expect(await run(raw, true)).to.include({ changed: true, enabled: true, state: 'started' });
      expect(await run(raw)).to.include({ changed: true });
      const again = await run(raw);
      expect(again).to.include({ changed: false });
      expect(again.status).to.deep.equal({ LoadState: 'loaded', ActiveState: 'active' });
    }));

  it('reloads before it looks, never in check mode', () =>
    withFake(async (run, log) => {
      await run({ daemon_reload: true }, true);
      await run({ name: 'web', state: 'stopped', daemon_reload: true });
      expect((await log()).slice(0, 2)).to.deep.equal(['daemon-reload', 'show web']);
    }));

  it('shows why a unit does not start', () =>
    withFake(async run => {
      const result = await run({ name: 'broken', state: 'started' });
      expect(result.failed).to.equal(true);
      expect(result.msg).to.include('Unable to start service broken: Job failed').and.include('no such file');
    }));

  it('refuses patterns and missing names', () =>
    withFake(async run => {
      expect((await run({ name: 'a*', state: 'started' })).msg).to.include('glob patterns');
      expect((await run({ state: 'started' })).msg).to.include('name');
      expect((await run({ name: 'nosuch', state: 'started' })).msg).to.equal(
        'Could not find the requested service nosuch: host',
      );
    }));

  it('is what service uses on a host with systemd', () =>
    withFake(async (_, log, env) => {
      const raw = { name: 'web', state: 'started', use: 'systemd' };
      expect(await runModule(service, raw, { env })).to.include({ changed: true, state: 'started' });
      expect(await runModule(service, raw, { env })).to.include({ changed: false });
      expect(await log()).to.include('start web');
    }));
});
