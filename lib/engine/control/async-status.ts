import { A, Type } from '../../modules/kit/arguments.ts';
import { ModuleError, orFailed, type Result } from '../../modules/kit/define.ts';
import { checkJob, eraseJob, isJobId, readPart } from '../module-call/async.ts';
import { defineControl } from './control.ts';

/** async_status: a job of this run gives its module's result, a job of an earlier run what its script printed. */
export const asyncStatus = defineControl({
  name: 'async_status',
  summary: 'Tells how a task started with `async` is doing.',
  examples: `
- name: Wait for the reindex that runs in the background
  async_status: {jid: "{{ reindex.ansible_job_id }}"}
  register: job
  until: job.finished
  retries: 120
  delay: 30
`,
  args: Type.Object({
    jid: A.str('The `ansible_job_id` of the task.'),
    mode: A.choice(['status', 'cleanup'], 'Whether to ask or to remove the job’s record.', {
      default: 'status',
    }),
  }),
  returns: {
    started: 'Always 1.',
    finished: '1 when the job has ended, else 0.',
    ansible_job_id: 'The job.',
    erased: 'The record that was removed.',
    '…': 'What the module of the job returned.',
  },
  run: async ({ plain, playRun, open }) => {
    const id = String(plain['jid']);
    if (!isJobId(id))
      throw new ModuleError(`"${id}" is not an ansible_job_id: it looks like j123456789012.3456`, {
        ansible_job_id: id,
      });
    const channel = await open();
    if (plain['mode'] === 'cleanup') {
      await eraseJob(id, channel);
      return { result: { changed: false, erased: `~/.ansible_async/${id}` } };
    }
    const job = playRun.run.jobs.get(id);
    if (!job) return { result: await foreignJob(id, channel) };
    await checkJob(job, channel);
    const common = { started: 1, ansible_job_id: id };
    if (!job.result) return { result: { changed: false, finished: 0, ...common } };
    return { result: { ...job.result, finished: 1, ...common } };
  },
});

async function foreignJob(id: string, channel: Parameters<typeof readPart>[2]): Promise<Result> {
  const reply = await readPart(id, 0, channel);
  const common = { started: 1, ansible_job_id: id };
  if (!reply) return { changed: false, finished: 0, ...common };
  const { rc, stdout, stderr } = reply;
  const ended = { changed: true, finished: 1, rc, stdout, stderr, ...common };
  return orFailed(ended, rc === 0 ? undefined : 'non-zero return code');
}
