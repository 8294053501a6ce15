import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from './case.ts';
import { POLARPLAY } from './playbooks.ts';

const HOSTS = 4;
const SITE = `- hosts: all
  gather_facts: false
  tasks: [{name: t, copy: {src: big, dest: "{{ playbook_dir }}/{{ inventory_hostname }}", mode: "0600"}}]
`;
const TELL_PEAK =
  "import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync('peak', String(process.resourceUsage().maxRSS)));";

/** What memory the runner takes, whatever others do on this machine meanwhile. */
export const memoryCases: readonly Case[] = [
  {
    name: `a file for ${HOSTS} hosts, in units of 100 kB`,
    unit: 'MB',
    cost: async (size, directory) => {
      const dir = mkdtempSync(join(directory, 'copy-'));
      writeFileSync(join(dir, 'site.yml'), SITE);
      writeFileSync(join(dir, 'hosts'), `h[1:${HOSTS}]\n`);
      writeFileSync(join(dir, 'big'), '');
      truncateSync(join(dir, 'big'), size * 100_000);
      try {
        return peakOfRun(dir);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  },
];

function peakOfRun(dir: string): number {
  const options = ['-i', 'hosts', '-e', 'ansible_connection=local', 'site.yml'];
  const telling = `--import=data:text/javascript,${encodeURIComponent(TELL_PEAK)}`;
  execFileSync(process.execPath, [telling, POLARPLAY, ...options], { cwd: dir, stdio: 'ignore' });
  return Number(readFileSync(join(dir, 'peak'), 'utf8')) / 1000;
}
