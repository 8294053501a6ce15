import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWhereChangesAreAllowed, onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  commandsFor,
  finishedArguments,
  recordsText,
  runModule,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { iptables, ruleWords } from './iptables.ts';

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
    expect(commandsFor(iptables, rule, recordsText({ chain: '-P INPUT ACCEPT\n' }))).to.deep.equal([
      'iptables -w -t filter -A INPUT -s 8.8.8.8 -j DROP',
    ]);
    expect(commandsFor(iptables, rule, recordsText({ rule: '', chain: '' }))).to.deep.equal([]);
    expect(
      commandsFor(iptables, { ...rule, action: 'insert', rule_num: '3' }, recordsText({ chain: '' })),
    ).to.deep.equal(['iptables -w -t filter -I INPUT 3 -s 8.8.8.8 -j DROP']);
    expect(
      commandsFor(iptables, { ...rule, state: 'absent' }, recordsText({ rule: '', chain: '' })),
    ).to.deep.equal(['iptables -w -t filter -D INPUT -s 8.8.8.8 -j DROP']);
    expect(
      commandsFor(iptables, { chain: 'INPUT', policy: 'DROP' }, recordsText({ chain: '-P INPUT ACCEPT\n' })),
    ).to.deep.equal(['iptables -w -t filter -P INPUT DROP']);
    expect(
      commandsFor(iptables, { ...rule, chain: 'MINE', chain_management: true, wait: '5' }, ''),
    ).to.deep.equal([
      'iptables -w 5 -t filter -N MINE',
      'iptables -w 5 -t filter -A MINE -s 8.8.8.8 -j DROP',
    ]);
  });
  it('refuses nonsense', () => {
    expect(() => commandsFor(iptables, { jump: 'DROP' }, '')).to.throw(
      'Either chain or flush parameter must be specified.',
    );
    expect(() => commandsFor(iptables, { chain: 'INPUT', jump: 'DROP', log_prefix: 'x' }, '')).to.throw(
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
