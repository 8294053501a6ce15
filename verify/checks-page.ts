import { type Deployment, nodesOf } from '../lib/cluster/deployment.ts';
import { type Check, LAYERS, type LayerName, layerOf } from './check.ts';
import { asksOf } from './look.ts';
import { subjectsOf } from './subjects.ts';

const KINDS = ['asks', 'diskAsks', 'storageAsks', 'primaryAsks', 'sql', 'primarySql'] as const;
const WHERE: Readonly<Record<(typeof KINDS)[number], string>> = {
  asks: '',
  diskAsks: ', with a limit of its own',
  storageAsks: ' on the storage host',
  primaryAsks: ' on the primary',
  sql: '',
  primarySql: ' on the primary',
};
/** A long command is told by its beginning: the report of a failed check shows it in full. */
const LENGTH = 400;

/** The reference of all checks, from their own text, with the commands as the sample inventory gives them. */
export function checksPage(checks: readonly Check[], deployment: Deployment): string {
  const layers = Object.entries(LAYERS).map(([layer, title]) => {
    const of = checks.filter(check => layerOf(check) === (layer as LayerName));
    return `## ${title}\n\n${of.map(check => section(check, deployment)).join('\n')}`;
  });
  return `# The checks of \`polarplay verify\`

Written by \`npm run docs\` from the checks themselves. Commands are those for \`inventory/hosts.yaml\`, on the first host that
a check concerns; \`--list\` lists the checks, \`--only ID\` runs one with what it needs. Each check that fails says what was
expected, found and asked, and what to do.

${layers.join('\n')}`;
}

function section(check: Check, deployment: Deployment): string {
  const needs = check.needs?.length
    ? `Waits for: ${check.needs.map(need => `\`${need}\``).join(', ')}.\n\n`
    : '';
  const settles = check.settles ? ' Waits while the cluster settles (`--within`).' : '';
  return `### ${check.id}

**${check.title}** (${check.severity}; ${SUBJECTS[check.on]})

${check.proves}

Expected: ${check.expects}.${settles}

${needs}${asked(check, deployment)}What to do: ${check.todo}
`;
}

const SUBJECTS: Readonly<Record<Check['on'], string>> = {
  all: 'every host',
  storage: 'the storage host',
  nodes: 'every database node',
  primary: 'the primary',
  replicas: 'every replica',
  backup: 'the host that keeps backups',
};

function asked(check: Check, deployment: Deployment): string {
  const texts = KINDS.flatMap(kind => {
    const host =
      kind === 'storageAsks'
        ? deployment.storage.host
        : kind.startsWith('primary')
          ? deployment.primary.host
          : (subjectsOf(check.on, deployment)[0] ?? nodesOf(deployment)[0]!.host);
    return Object.values(asksOf(check, kind, deployment, host)).map(text => ({ kind, text }));
  });
  const own = 'act' in check ? ['The check connects or writes itself: see `verify/checks/`.\n\n'] : [];
  const blocks = texts.map(({ kind, text }) => {
    const language = kind.toLowerCase().endsWith('sql') ? 'sql' : 'sh';
    const shown = text.length > LENGTH ? `${text.slice(0, LENGTH)}…` : text;
    return `Asks${WHERE[kind]}:\n\n\`\`\`${language}\n${shown}\n\`\`\`\n\n`;
  });
  return [...own, ...blocks].join('');
}
