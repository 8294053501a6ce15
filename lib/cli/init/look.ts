import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundDisk } from '../../cluster/modules/polardb_preflight.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, parseFlags } from '../../source/flags.ts';
import { askHosts } from '../one-task.ts';
import { openSession } from '../session.ts';
import type { ClusterAnswers } from './answers.ts';
import { inventoryText } from './files.ts';

/** The disks of the storage host, looked up over SSH as the deployment will log in. */
export async function lookForDisks(
  answers: ClusterAnswers,
  flags: Flags,
  argv: readonly string[],
): Promise<readonly FoundDisk[]> {
  const folder = mkdtempSync(join(tmpdir(), 'polarplay-init-'));
  try {
    const draft = join(folder, 'hosts.yaml');
    writeFileSync(draft, inventoryText(answers));
    const session = await openSession(parseFlags(flags, ['-i', draft, ...argv]));
    try {
      const found = await askHosts(session, {
        pattern: 'storage',
        module: 'polardb_preflight',
        args: { list_disks: true },
        become: true,
      });
      const answer = found.get(answers.storage.name);
      if (answer?.status === 'ok') return answer.result['disks'] as unknown as readonly FoundDisk[];
      throw new UsageError(
        `cannot look at the disks of ${answers.storage.name}: ${String(answer?.result.msg ?? 'no answer')}`,
      );
    } finally {
      await session.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
