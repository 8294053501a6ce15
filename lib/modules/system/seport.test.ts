import { expect } from 'chai';
import { planFor } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { parsePorts, seport } from './seport.ts';

describe('seport', () => {
  const text =
    'http_port_t                    tcp      80, 81, 8000-8100\nssh_port_t                     tcp      22\n';
  it('reads the list', () => {
    expect(parsePorts(text)[0]).to.deep.equal({
      type: 'http_port_t',
      proto: 'tcp',
      ports: ['80', '81', '8000-8100'],
    });
  });
  const cases: readonly [Record<string, Json>, string[]][] = [
    [{ ports: '80' }, []],
    [{ ports: ['8888', '80'] }, ['semanage port -a -t http_port_t -p tcp 8888']],
    [{ ports: '22' }, ['semanage port -m -t http_port_t -p tcp 22']],
    [{ ports: '80', state: 'absent' }, ['semanage port -d -t http_port_t -p tcp 80']],
    [{ ports: '22', state: 'absent' }, []],
  ];
  for (const [raw, expected] of cases)
    it(JSON.stringify(raw), () => {
      expect(
        planFor(seport, { proto: 'tcp', setype: 'http_port_t', ...raw }, { stdout: text }).changes,
      ).to.deep.equal(expected);
    });
});
