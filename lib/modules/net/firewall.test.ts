import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWhereChangesAreAllowed, onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { ActionModule, Module, Result } from '../kit/define.ts';
import { firewalld } from './firewalld.ts';
import { iptables, ruleWords } from './iptables.ts';
import { ufw } from './ufw.ts';

function changesOf(module: Module, raw: Record<string, Json>, stdout: string): readonly string[] {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  const found = replaySteps(module.probe(args, testContext()), [{ stdout }]).value as never;
  const plan = module.diff(found, args, testContext());
  if (plan.changes.length === 0) return [];
  const { requests } = replaySteps(module.apply(found, args, testContext(), plan), [{}]);
  const script = requests[0]?.kind === 'sh' ? requests[0].script : '';
  return script
    .split('\n')
    .slice(1)
    .map(line => line.replace(/( >\/dev\/null)? \|\| exit \$\?$/, ''));
}

describe('iptables', () => {
  const rules: readonly [Record<string, Json>, string][] = [
    [{ source: '8.8.8.8', jump: 'DROP' }, '-s 8.8.8.8 -j DROP'],
    [
      {
        protocol: 'tcp',
        destination_port: 5432,
        source: '!10.0.0.0/8',
        jump: 'REJECT',
        reject_with: 'tcp-reset',
      },
      '-p tcp ! -s 10.0.0.0/8 -j REJECT --destination-port 5432 --reject-with tcp-reset',
    ],
    [
      { ctstate: ['ESTABLISHED', 'RELATED'], jump: 'ACCEPT' },
      '-j ACCEPT -m conntrack --ctstate ESTABLISHED,RELATED',
    ],
    [
      { protocol: 'tcp', destination_ports: ['80', '443'], jump: 'ACCEPT', comment: 'a b' },
      '-p tcp -j ACCEPT -m multiport --dports 80,443 -m comment --comment a b',
    ],
    [
      { syn: 'match', limit: '2/second', limit_burst: '20', log_prefix: 'x: ' },
      '-j LOG --log-prefix x:  --syn -m limit --limit 2/second --limit-burst 20',
    ],
    [
      { protocol: 'tcp', tcp_flags: { flags: ['ALL'], flags_set: ['ACK', 'RST'] }, jump: 'DROP' },
      '-p tcp --tcp-flags ALL ACK,RST -j DROP',
    ],
    [{ reject_with: 'icmp-host-prohibited' }, '-j REJECT --reject-with icmp-host-prohibited'],
    [
      { ip_version: 'ipv6', protocol: 'icmpv6', icmp_type: '128', jump: 'ACCEPT' },
      '-p icmpv6 -j ACCEPT --icmpv6-type 128',
    ],
    [
      { src_range: '10.0.0.1-10.0.0.9', uid_owner: 'bob', jump: 'ACCEPT' },
      '-j ACCEPT -m iprange --src-range 10.0.0.1-10.0.0.9 -m owner --uid-owner bob',
    ],
  ];
  for (const [raw, words] of rules)
    it(words, () =>
      expect(ruleWords(finishedArguments(iptables, { chain: 'INPUT', ...raw }) as never).join(' ')).to.equal(
        words,
      ),
    );

  it('does what is needed', () => {
    const rule = { chain: 'INPUT', source: '8.8.8.8', jump: 'DROP' };
    expect(changesOf(iptables, rule, 'chain\n-P INPUT ACCEPT\n')).to.deep.equal([
      'iptables -w -t filter -A INPUT -s 8.8.8.8 -j DROP',
    ]);
    expect(changesOf(iptables, rule, 'rule\nchain\n')).to.deep.equal([]);
    expect(changesOf(iptables, { ...rule, action: 'insert', rule_num: '3' }, 'chain\n')).to.deep.equal([
      'iptables -w -t filter -I INPUT 3 -s 8.8.8.8 -j DROP',
    ]);
    expect(changesOf(iptables, { ...rule, state: 'absent' }, 'rule\nchain\n')).to.deep.equal([
      'iptables -w -t filter -D INPUT -s 8.8.8.8 -j DROP',
    ]);
    expect(changesOf(iptables, { chain: 'INPUT', policy: 'DROP' }, 'chain\n-P INPUT ACCEPT\n')).to.deep.equal(
      ['iptables -w -t filter -P INPUT DROP'],
    );
    expect(
      changesOf(iptables, { ...rule, chain: 'MINE', chain_management: true, wait: '5' }, ''),
    ).to.deep.equal([
      'iptables -w 5 -t filter -N MINE',
      'iptables -w 5 -t filter -A MINE -s 8.8.8.8 -j DROP',
    ]);
  });
  it('refuses nonsense', () => {
    expect(() => changesOf(iptables, { jump: 'DROP' }, '')).to.throw(
      'Either chain or flush parameter must be specified.',
    );
    expect(() => changesOf(iptables, { chain: 'INPUT', jump: 'DROP', log_prefix: 'x' }, '')).to.throw(
      'Logging options',
    );
  });

  it('works in a network of its own', async function () {
    onlyWhereChangesAreAllowed(this);
    onlyWithPrograms(this, 'iptables', 'ip');
    const name = `pptest${process.pid}`;
    if (spawnSync('ip', ['netns', 'add', name]).status !== 0) {
      console.log('      skipped: network namespaces cannot be made here');
      return this.skip();
    }
    try {
      await withTemporaryDirectory(async dir => {
        mkdirSync(join(dir, 'bin'));
        writeFileSync(
          join(dir, 'bin/iptables'),
          `#!/bin/sh\nexec ip netns exec ${name} /usr/sbin/iptables "$@"\n`,
          { mode: 0o755 },
        );
        const env = { PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
        const run = (raw: Record<string, Json>, checkMode = false) =>
          runModule(iptables, { chain: 'INPUT', ...raw }, { env, checkMode });
        const rule = {
          protocol: 'tcp',
          destination_port: 5432,
          source: '10.0.0.0/8',
          jump: 'ACCEPT',
          comment: "the DBA's",
        };
        const probe = await run(rule, true);
        if (
          probe.failed &&
          /not supported|Could not fetch|Permission denied|Protocol wrong|does not exist|kernel/i.test(
            String(probe.msg),
          )
        )
          return this.skip();
        expect(probe.changed, JSON.stringify(probe)).to.equal(true);
        const first = await run(rule);
        if (first.failed && /No chain|not supported|No such file/i.test(String(first.msg))) {
          console.log('      skipped: the kernel has no packet filter');
          return this.skip();
        }
        expect(first.changed, JSON.stringify(first)).to.equal(true);
        expect((await run(rule)).changed).to.equal(false);
        expect((await run({ policy: 'DROP' })).changed).to.equal(true);
        expect((await run({ policy: 'DROP' })).changed).to.equal(false);
        expect((await run({ ...rule, state: 'absent' })).changed).to.equal(true);
        expect((await run({ ...rule, protocol: 'nonsense!' })).failed).to.equal(true);
      });
    } finally {
      spawnSync('ip', ['netns', 'del', name]);
    }
  });
});

describe('firewalld', () => {
  const port = { port: '5432/tcp', zone: 'public' };
  it('keeps rules now, for good, or both', () => {
    expect(changesOf(firewalld, { ...port, state: 'enabled' }, '')).to.deep.equal([
      'firewall-cmd --zone=public --add-port=5432/tcp',
    ]);
    expect(changesOf(firewalld, { ...port, state: 'enabled', permanent: true }, 'runtime\n')).to.deep.equal([
      'firewall-cmd --permanent --zone=public --add-port=5432/tcp',
    ]);
    expect(
      changesOf(firewalld, { ...port, state: 'enabled', permanent: true, immediate: true }, ''),
    ).to.have.length(2);
    expect(
      changesOf(
        firewalld,
        { ...port, state: 'enabled', permanent: true, immediate: true },
        'permanent\nruntime\n',
      ),
    ).to.deep.equal([]);
    expect(
      changesOf(
        firewalld,
        { rich_rule: 'rule family="ipv4" accept', state: 'disabled', permanent: true },
        'permanent\n',
      ),
    ).to.deep.equal([`firewall-cmd --permanent '--remove-rich-rule=rule family="ipv4" accept'`]);
    expect(changesOf(firewalld, { zone: 'db', state: 'present', permanent: true }, '')).to.deep.equal([
      'firewall-cmd --permanent --new-zone=db',
    ]);
    expect(changesOf(firewalld, { service: 'ssh', state: 'enabled', offline: true }, '')).to.deep.equal([
      'firewall-offline-cmd --add-service=ssh',
    ]);
  });
  it('takes one thing at a time', () => {
    expect(() => changesOf(firewalld, { ...port, service: 'ssh', state: 'enabled' }, '')).to.throw('at once');
  });
});

describe('ufw', () => {
  const replay = (raw: Record<string, Json>, stdout: string, checkMode = false) => {
    const steps = (ufw as ActionModule).run(finishedArguments(ufw, raw) as never, testContext({ checkMode }));
    const [status = '', settings = '', dry0 = ''] = stdout.split('|');
    return replaySteps(steps, [
      { stdout: recordsText({ status, settings, dry0 }) },
      { stdout: recordsText({ status: 'Status: active\n' }) },
    ]).value as Result;
  };
  it('builds commands', () => {
    const rule = {
      rule: 'allow',
      port: '5432',
      proto: 'tcp',
      src: '10.0.0.0/8',
      direction: 'in',
      interface: 'eth0',
      comment: 'a b',
    };
    expect(replay(rule, 'a|b').commands).to.deep.equal([
      `ufw allow in on eth0 from 10.0.0.0/8 to any port 5432 proto tcp comment 'a b'`,
    ]);
    expect(replay({ state: 'enabled', policy: 'deny', direction: 'in' }, 'a|a').commands).to.deep.equal([
      'ufw --force enable',
      'ufw default deny incoming',
    ]);
  });
  it('predicts from a dry run', () => {
    const rules = (...tuples: string[]) => tuples.map(tuple => `### tuple ### ${tuple}\n`).join('');
    const ssh = rules('allow any 22 0.0.0.0/0 any 0.0.0.0/0 in');
    const status = `Status: active\n|ENABLED=yes\nLOGLEVEL=low\nDEFAULT_INPUT_POLICY="DROP"\nuser:\n${ssh}user6:\n`;
    const predict = (raw: Record<string, Json>, said = '') => replay(raw, `${status}|${said}`, true).changed;
    const rule = { rule: 'allow', port: '1' };
    expect(replay(rule, `${status}|Skipping`)).to.deep.include({
      changed: false,
      msg: 'Status: active',
    });
    expect(predict(rule, 'Skipping adding existing rule\n')).to.equal(false);
    expect(predict(rule, `*filter\n:ufw-user-input\n${ssh}COMMIT\n`)).to.equal(false);
    expect(predict(rule, `*filter\n:ufw-user-input\n${ssh}${rules('allow any 1')}COMMIT\n`)).to.equal(true);
    expect(predict(rule, `*filter\n:ufw6-user-input\n${ssh}COMMIT\n`)).to.equal(true);
    expect(predict({ state: 'enabled' })).to.equal(false);
    expect(predict({ default: 'deny', direction: 'incoming' })).to.equal(false);
    expect(predict({ default: 'allow', direction: 'incoming' })).to.equal(true);
    expect(predict({ logging: 'low' })).to.equal(false);
  });
});
