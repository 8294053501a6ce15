import { A, Type } from '../../modules/kit/arguments.ts';
import { defineControl } from './control.ts';

const META_ACTIONS = [
  'flush_handlers',
  'refresh_inventory',
  'noop',
  'clear_facts',
  'clear_host_errors',
  'end_play',
  'end_host',
  'end_batch',
  'end_role',
  'reset_connection',
] as const;

/** meta: the actions that concern one host at a time. `flush_handlers` is carried out by the schedule. */
export const meta = defineControl({
  name: 'meta',
  summary: 'Tells the runner to do something: flush handlers, end the play, reset the connection.',
  examples: `
- name: Restart now what waits for it
  meta: flush_handlers
`,
  freeForm: 'action',
  args: Type.Object({
    action: A.choice(META_ACTIONS, 'What to do.', { aliases: ['_raw_params', 'free_form'] }),
  }),
  traits: { steers: true },
  run: async ({ plain, playRun, host, open, task }) => {
    const done = (msg: string) => ({ result: { changed: false, msg } });
    switch (plain['action']) {
      case 'noop':
      case 'flush_handlers':
        return done('');
      case 'refresh_inventory':
        playRun.run.refreshInventory();
        playRun.inventoryLayers.clear();
        return done('inventory successfully refreshed');
      case 'clear_facts':
        for (const name of playRun.allHosts) playRun.run.hosts.get(name)?.clearFacts();
        return done('facts cleared');
      case 'clear_host_errors':
        for (const name of playRun.allHosts) playRun.run.hosts.get(name)?.clearError();
        return done('cleared host errors');
      case 'end_host':
        playRun.endedHosts.add(host);
        return done(`ending play for ${host}`);
      case 'end_role':
        if (task.role) playRun.endedRoles.add(`${host}\0${task.role.path}`);
        return done('ending role');
      case 'end_batch':
        playRun.ended = 'batch';
        return done('ending batch');
      case 'end_play':
        playRun.ended = 'play';
        return done('ending play');
      case 'reset_connection':
        await (await open()).connection.reset();
        return done('reset connection');
      default:
        throw new Error(`meta action without implementation: ${String(plain['action'])}`);
    }
  },
});
