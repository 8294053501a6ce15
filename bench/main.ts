import '../lib/source/frozen-prototype.ts';

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeDeployment } from '../verify/deployment.ts';
import { failureText } from '../verify/failure.ts';
import { REACHING, REACHING_USAGE, readFlags } from '../verify/flags.ts';
import { openDeployment } from '../verify/open.ts';
import { appendHistory, readHistory } from './history.ts';
import { loadProfile, PROFILES } from './profiles.ts';
import { formatHtml } from './report/html.ts';
import { formatMarkdown } from './report/markdown.ts';
import { runBench } from './run.ts';

const USAGE = `usage: polarplay bench -i INVENTORY [options]

Runs pgbench on the nodes of a deployed cluster: reading on one node and on all at the same time, writing on the primary.
Works in a database of its own (polarplay_bench, dropped at the end).

${REACHING_USAGE}      --profile NAME|FILE       ${Object.keys(PROFILES).join(', ')}, or a YAML file (default: smoke)
      --out DIR                 history.jsonl and the reports (default: .polarplay/bench)
      --keep                    leaves the database behind

Exit codes: 0 measured, 2 measured with errors, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  profile: { type: 'string', default: 'smoke' },
  out: { type: 'string', default: '.polarplay/bench' },
  keep: { type: 'boolean', default: false },
} as const;

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const profile = loadProfile(flags.profile);
  const opened = await openDeployment(flags);
  try {
    const say = (line: string) => process.stderr.write(`${line}\n`);
    say(`benchmark of ${describeDeployment(opened.deployment)}, profile ${profile.name}`);
    const detail = await runBench({
      deployment: opened.deployment,
      hosts: opened.hosts,
      profile,
      keep: flags.keep,
      say,
    });
    const historyFile = join(flags.out, 'history.jsonl');
    const history = readHistory(historyFile);
    for (const { line, reason } of history.unreadable) say(`${historyFile}:${line}: left out: ${reason}`);
    mkdirSync(flags.out, { recursive: true });
    const name = join(flags.out, `${detail.record.id}-${profile.name}`);
    const markdown = formatMarkdown(detail);
    writeFileSync(`${name}.json`, `${JSON.stringify(detail)}\n`);
    writeFileSync(`${name}.md`, markdown);
    writeFileSync(`${name}.html`, formatHtml(detail, history.records));
    appendHistory(historyFile, detail.record);
    process.stdout.write(`${markdown}\nwritten: ${name}.{html,md,json}, ${historyFile}\n`);
    return detail.record.failed ? 2 : 0;
  } finally {
    await opened.close();
  }
}

export const runBenchCommand = (argv: readonly string[]): Promise<number> =>
  main(argv).catch((error: unknown) => {
    const { text, code } = failureText('bench', error);
    process.stderr.write(`${text}\n`);
    return code;
  });
