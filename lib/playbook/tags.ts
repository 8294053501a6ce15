import type { TaskNode } from './types.ts';

/** `--tags` and `--skip-tags`; nothing given to `only` means all. */
export interface TagChoice {
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

/** True when a task with these tags is to run. `always` runs unless skipped by name, `never` only when asked for. */
export function isSelected(tags: readonly string[], { only, skip }: TagChoice): boolean {
  const own = tags.length > 0 ? tags : ['untagged'];
  return (
    isWanted(own, only.length > 0 ? only : ['all'], tags.length > 0) && !isSkipped(own, skip, tags.length > 0)
  );
}

function isWanted(own: readonly string[], only: readonly string[], tagged: boolean): boolean {
  if (own.includes('always') || own.some(tag => only.includes(tag))) return true;
  if (own.includes('never')) return false;
  return only.includes('all') || (tagged && only.includes('tagged'));
}

function isSkipped(own: readonly string[], skip: readonly string[], tagged: boolean): boolean {
  if (skip.includes('all')) return !own.includes('always') || skip.includes('always');
  return own.some(tag => skip.includes(tag)) || (tagged && skip.includes('tagged'));
}

/** The tree without what the choice of tags leaves out; blocks that become empty go as well. */
export function selectByTags(nodes: readonly TaskNode[], choice: TagChoice): TaskNode[] {
  return nodes.flatMap((node): TaskNode[] => {
    if (node.kind === 'task') return isSelected(node.tags, choice) ? [node] : [];
    const [block, rescue, always] = [node.block, node.rescue, node.always].map(part =>
      selectByTags(part, choice),
    );
    const kept = { ...node, block: block ?? [], rescue: rescue ?? [], always: always ?? [] };
    return kept.block.length + kept.rescue.length + kept.always.length > 0 ? [kept] : [];
  });
}
