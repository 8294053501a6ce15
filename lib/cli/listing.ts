import { selectHosts } from '../engine/play/run-play.ts';
import type { Run } from '../engine/run.ts';
import { tasksOf, titleOf } from '../playbook/listing.ts';
import type { Play, Playbook, Task } from '../playbook/types.ts';

export interface Listing {
  readonly hosts: boolean;
  readonly tasks: boolean;
  readonly tags: boolean;
}

/** What --list-hosts, --list-tasks and --list-tags print, in Ansible's form. */
export function listPlaybook(
  run: Run,
  playbook: Playbook,
  files: readonly string[],
  listing: Listing,
): string {
  const plays = playbook.plays.map((play, index) => listPlay(run, play, index + 1, listing));
  return `\nplaybook: ${files.join(', ')}\n${plays.join('')}`;
}

function listPlay(run: Run, play: Play, number: number, listing: Listing): string {
  const hosts = String(play.hosts.value);
  const lines = [`\n  play #${number} (${hosts}): ${play.name}\tTAGS: [${play.keywords.tags.join(', ')}]`];
  if (listing.hosts) {
    const selected = selectHosts(run, play);
    lines.push(
      `    pattern: ['${hosts}']`,
      `    hosts (${selected.length}):`,
      ...selected.map(host => `      ${host}`),
    );
  }
  const choice = { only: run.options.tags, skip: run.options.skipTags };
  const tasks = tasksOf(play, choice);
  if (listing.tasks) lines.push('    tasks:', ...tasks.map(taskLine));
  if (listing.tags) {
    const tags = [...new Set([...play.keywords.tags, ...tasks.flatMap(task => task.tags)])].sort();
    lines.push(`      TASK TAGS: [${tags.join(', ')}]`);
  }
  return `${lines.join('\n')}\n`;
}

const taskLine = (task: Task): string =>
  `      ${task.name === undefined ? task.moduleName : titleOf(task)}\tTAGS: [${[...task.tags].sort().join(', ')}]`;
