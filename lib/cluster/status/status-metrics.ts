import type { ClusterView, NodeRow } from './status-view.ts';

type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** One metric in Prometheus' text format; one without samples is left out. */
export function gauge(name: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${name}${labelsText(labels)} ${value}`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** What a host says ends neither its quotes nor its line. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', ' ');

/** The figures of `polarplay status`. */
export function statusMetrics(view: ClusterView): string {
  const { cluster } = view;
  const perNode = (value: (node: NodeRow) => number | null): Sample[] =>
    view.nodes.flatMap(node => {
      const found = value(node);
      return found === null ? [] : [[{ cluster, node: node.host }, found] as const];
    });
  const exported = view.storage.flatMap(({ exports }) => exports);
  const fills = (what: 'files' | 'blocks', which: 'all' | 'free'): Sample[] =>
    exported.flatMap(({ name, pfs }) =>
      pfs ? [[{ cluster, export: name }, pfs[what][which]] as const] : [],
    );
  return [
    gauge('polarplay_problems', 'What is wrong, as polarplay status tells it.', [
      [{ cluster }, view.problems.length],
    ]),
    gauge('polarplay_notes', 'What is worth knowing and not wrong.', [[{ cluster }, view.notes.length]]),
    gauge(
      'polarplay_epoch',
      'How often the primary was changed.',
      view.epoch === null ? [] : [[{ cluster }, view.epoch]],
    ),
    gauge('polarplay_writers', 'Nodes that take writes; more than 1 is a danger.', [
      [{ cluster }, view.nodes.filter(({ writer }) => writer).length],
    ]),
    gauge(
      'polarplay_node_role',
      'The role of a node by the role record.',
      view.nodes.map(({ host, role }) => [{ cluster, node: host, role }, 1]),
    ),
    gauge(
      'polarplay_node_up',
      '1 if the database answers.',
      perNode(node => (node.database === 'up' ? 1 : 0)),
    ),
    gauge(
      'polarplay_node_writer',
      '1 if the node takes writes.',
      perNode(({ writer }) => (writer === null ? null : Number(writer))),
    ),
    gauge(
      'polarplay_node_streaming',
      '1 if the primary says that the replica streams.',
      perNode(({ role, streams }) => (role === 'replica' ? Number(streams.startsWith('streaming')) : null)),
    ),
    gauge(
      'polarplay_node_lag_bytes',
      'How far a replica is behind the primary.',
      perNode(({ lag }) => lag),
    ),
    gauge(
      'polarplay_slot_kept_bytes',
      'WAL that the slot of a replica keeps.',
      perNode(({ kept }) => kept),
    ),
    gauge(
      'polarplay_export_bytes',
      'Size of an exported disk.',
      exported.map(({ name, size }) => [{ cluster, export: name }, size]),
    ),
    gauge('polarplay_pfs_files', 'Files that PFS has room for.', fills('files', 'all')),
    gauge('polarplay_pfs_files_free', 'Files that are left in PFS.', fills('files', 'free')),
    gauge('polarplay_pfs_blocks', 'Blocks of 4 MiB in PFS.', fills('blocks', 'all')),
    gauge('polarplay_pfs_blocks_free', 'Blocks of 4 MiB that are left in PFS.', fills('blocks', 'free')),
  ].join('');
}
