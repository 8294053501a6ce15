import { emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { Type } from '../kit/arguments.ts';
import { defineAction } from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';

type Services = { [name: string]: { [field: string]: Json } };

/** States of a unit that say more than whether its file is enabled. */
const BAD = new Set(['not-found', 'masked', 'failed']);

/** Rows of `systemctl list-units`: unit, loaded, active, sub state. */
function units(text: string): Services {
  const found: Services = emptyRecord();
  for (const row of text.split('\n')) {
    const [name = '', load = '', active = '', sub = ''] = row.replace(/^[^A-Za-z0-9@_]*\s*/, '').split(/\s+/);
    if (!name.endsWith('.service')) continue;
    const bad = [load, active].find(word => BAD.has(word));
    found[name] = {
      name,
      state: sub === 'running' ? 'running' : 'stopped',
      status: bad ?? active,
      source: 'systemd',
    };
  }
  return found;
}

function unitFiles(text: string, known: Services): void {
  for (const row of text.split('\n')) {
    const [name = '', status = ''] = row.trim().split(/\s+/);
    if (!name.endsWith('.service')) continue;
    const service = known[name];
    if (!service) known[name] = { name, state: 'inactive', status, source: 'systemd' };
    else if (!BAD.has(String(service.status))) service.status = status;
  }
}

function initScripts(text: string): Services {
  const rows = [...text.matchAll(/^[ \t]*\[ ([+-]) \]\s+(.+)$/gm)];
  return Object.fromEntries(
    rows.map(([, mark, name = '']) => [
      name,
      { name, state: mark === '+' ? 'running' : 'stopped', source: 'sysv' },
    ]),
  );
}

function openrc(states: string, levels: string): Services {
  const runlevels = new Map(
    levels.split('\n').flatMap(row => {
      const [name, list] = row.split('|');
      return name && list !== undefined
        ? [[name.trim(), list.trim().split(/\s+/).filter(Boolean)] as const]
        : [];
    }),
  );
  return Object.fromEntries(
    states.split('\n').flatMap(row => {
      const [name, state] = row.replaceAll(/[[\]]/g, ' ').trim().split(/\s+/);
      if (!/^\s/.test(row) || !name || !state) return [];
      return [[name, { name, runlevels: runlevels.get(name) ?? null, state, source: 'openrc' }]];
    }),
  );
}

const SCRIPT = `if command -v rc-status >/dev/null 2>&1; then
  begin openrc; rc-status -a -s -m 2>&1; begin levels; rc-update show -v 2>&1
elif command -v service >/dev/null 2>&1 && ! command -v chkconfig >/dev/null 2>&1 && [ -d /etc/init.d ]; then
  begin sysv; service --status-all 2>/dev/null
fi
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
  begin units; systemctl list-units --no-pager --no-legend --type service --all
  begin files; systemctl list-unit-files --no-pager --no-legend --type service --all
fi
:`;

/** Services of whichever service manager the records speak of. */
export function parseServices(records: Records): Services {
  const part = (name: string) => records.text(name) ?? '';
  const found = {
    ...openrc(part('openrc'), part('levels')),
    ...initScripts(part('sysv')),
    ...units(part('units')),
  };
  unitFiles(part('files'), found);
  return found;
}

export const serviceFacts = defineAction({
  name: 'service_facts',
  summary: 'Reads all services and their states into the fact `services`.',
  examples: `
- name: Learn which services there are
  service_facts: {}
- name: Refuse a host that runs another server
  assert:
    that: ansible_facts.services['postgresql.service'] is not defined
    fail_msg: a PostgreSQL of the distribution is installed here
`,
  args: Type.Object({}),
  returns: { ansible_facts: 'services: name → name, state, status and source.' },
  differences: ['upstart and RedHat hosts with chkconfig only are not known.'],
  readOnly: true,
  batch: true,

  *run() {
    const services = parseServices(yield* ask(SCRIPT));
    if (Object.keys(services).length > 0) return { changed: false, ansible_facts: { services } };
    const msg =
      'Failed to find any services. This can be due to privileges or some other configuration issue.';
    return { changed: false, skipped: true, msg };
  },
});
