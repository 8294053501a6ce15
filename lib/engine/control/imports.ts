import { A, Type } from '../../modules/kit/arguments.ts';
import { defineControl } from './control.ts';
import { roleArgs, taskFile } from './includes.ts';

// Imports are carried out when the playbook is read: nothing of them is left to run.

export const importTasks = defineControl({
  name: 'import_tasks',
  summary: 'Puts the tasks of another file in this place when the playbook is read.',
  examples: `
- name: Create the roles of the application
  import_tasks: app-roles.yml
`,
  freeForm: 'file',
  args: Type.Object(taskFile),
  open: true,
});

export const importRole = defineControl({
  name: 'import_role',
  summary: 'Puts the tasks of a role in this place when the playbook is read.',
  examples: `
- name: Attach the disks
  import_role: {name: nbd_client}
`,
  args: Type.Object({
    ...roleArgs,
    public: A.bool('Shows the role’s defaults and vars to the rest of the play.', { default: true }),
  }),
});

export const importPlaybook = defineControl({
  name: 'import_playbook',
  summary: 'Puts the plays of another playbook in this place.',
  examples: `
- name: Deploy the cluster first
  import_playbook: site.yml
`,
  freeForm: 'file',
  args: Type.Object({ file: A.path('Playbook file.', { aliases: ['_raw_params'] }) }),
});
