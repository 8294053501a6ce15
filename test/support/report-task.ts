import type { TaskInfo } from '../../lib/engine/events.ts';

/** A task as reports are told of it. */
export const task: TaskInfo = {
  id: 't',
  name: 'web : install',
  module: 'command',
  handler: false,
  position: { file: 'site.yml', line: 3, col: 5 },
  tags: [],
};
