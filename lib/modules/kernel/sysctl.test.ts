import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import { keepSetting, procPath, sysctl } from './sysctl.ts';

const file = { sysctl_file: '{dir}/s.conf', reload: false };
const cases: readonly OracleCase[] = [
  { name: 'new file', args: { ...file, name: 'vm.swappiness', value: '7' } },
  {
    name: 'added',
    setup: "printf '# c\\n\\nkernel.a = 1\\n' >s.conf",
    args: { ...file, name: 'vm.swappiness', value: 7 },
  },
  {
    name: 'changed',
    setup: "printf 'vm.swappiness=60\\nx.y=2' >s.conf",
    args: { ...file, key: 'vm.swappiness', val: '7' },
  },
  {
    name: 'same',
    setup: "printf 'vm.swappiness = 7\\n' >s.conf",
    args: { ...file, name: 'vm.swappiness', value: '7' },
  },
  { name: 'twice', setup: "printf 'a.b=1\\na.b=2\\n' >s.conf", args: { ...file, name: 'a.b', value: '3' } },
  {
    name: 'absent',
    setup: "printf 'a.b=1\\n;a.b=1\\n' >s.conf",
    args: { ...file, name: 'a.b', state: 'absent' },
  },
  {
    name: 'absent already',
    setup: "printf 'c.d=1\\n' >s.conf",
    args: { ...file, name: 'a.b', state: 'absent' },
  },
  { name: 'boolean', args: { ...file, name: 'net.ipv4.ip_forward', value: 'yes' } },
  { name: 'several words', args: { ...file, name: 'net.ipv4.ip_local_port_range', value: '1024  65000' } },
];

describe('sysctl', () => {
  itAgreesWithAnsible(sysctl, { fields: [], via: 'module', ansibleName: 'ansible.posix.sysctl' }, cases);
  itPredictsTheRun(sysctl, cases);

  it('finds the kernel file of a name', () => {
    expect(procPath('net.ipv4.conf.eth0/1.forwarding')).to.equal('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
    expect(procPath('net/ipv4/conf/eth0.1/forwarding')).to.equal('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
    expect(procPath('vm.swappiness')).to.equal('/proc/sys/vm/swappiness');
  });

  it('keeps comments', () => {
    expect(keepSetting('# a\n; b\n\nx=1\n', 'x', '2')).to.equal('# a\n; b\n\nx=2\n');
    expect(keepSetting('', 'x', undefined)).to.equal('');
  });

  /** What apply asks of the host, given the kernel's value and the file. */
  function requests(args: Record<string, string | boolean>, kernel: string | undefined, text: string) {
    if (sysctl.kind !== 'state') throw new Error('sysctl has a state');
    const finished = finishedArguments(sysctl, { name: 'vm.x', value: '1', ...args }) as never;
    const stat = '81a4|0|0|1|1|1|1|1|1|1|root|root';
    const file = {
      path: '/etc/sysctl.conf',
      umask: '0022\n',
      parent: 'writable',
      stat,
      readable: '',
      own: '',
    };
    const value = kernel === undefined ? {} : { value: `${kernel}\n` };
    const stdout = recordsText({ ...value, ...file, content: text });
    const found = replaySteps(sysctl.probe(finished, testContext()), [{ stdout }]).value as never;
    const plan = sysctl.diff(found, finished, testContext());
    if (plan.changes.length === 0) return [];
    const done = { stdout: recordsText({ stat }) };
    const { requests: asked } = replaySteps(sysctl.apply(found, finished, testContext(), plan), [
      done,
      done,
      done,
    ]);
    return asked
      .map(r => (r.kind === 'sh' ? r.script.split('\n').at(-1)! : r.kind))
      .filter(line => line.startsWith('sysctl'));
  }

  it('loads the file when it or the kernel differs', () => {
    expect(requests({}, '1', 'vm.x=1\n')).to.deep.equal([]);
    expect(requests({}, '0', 'vm.x=1\n')).to.deep.equal(['sysctl -p /etc/sysctl.conf']);
    expect(requests({ ignoreerrors: true }, '1', '')).to.deep.equal(['sysctl -e -p /etc/sysctl.conf']);
    expect(requests({ reload: false }, '0', 'vm.x=1\n')).to.deep.equal([]);
  });

  it('sets the running kernel when asked to', () => {
    expect(requests({ sysctl_set: true, reload: false }, '0', 'vm.x=1\n')).to.deep.equal([
      'sysctl -w vm.x=1',
    ]);
    expect(requests({ sysctl_set: true, reload: false, value: '1 2' }, '1\t2', 'vm.x=1 2\n')).to.deep.equal(
      [],
    );
  });

  it('names an unknown setting', () =>
    withTemporaryDirectory(async dir => {
      const args = { name: 'no.such.setting', value: '1', sysctl_file: `${dir}/s.conf`, sysctl_set: true };
      const result = await runModule(sysctl, args);
      expect(result.failed).to.equal(true);
      expect(result.msg).to.match(/^setting no\.such\.setting failed: .*(no.such.setting|missing)/);
    }));
});
