import { pathToFileURL } from 'node:url';
import { RULES, type Rule, ruleOf } from './catalogue.ts';
import type { Judged } from './judge.ts';

const DOCS = 'https://ansible.readthedocs.io/projects/lint/rules/';

/** Findings as SARIF 2.1.0, which code hosts and editors read. */
export function sarif(findings: readonly Judged[], version: string, folder: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'polarplay lint', version, rules: RULES.map(descriptor) } },
        originalUriBaseIds: { PROJECT: { uri: `${pathToFileURL(folder).href}/` } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(result),
      },
    ],
  };
}

function descriptor({ id, summary, tags, own }: Rule): object {
  return {
    id,
    shortDescription: { text: summary },
    ...(own ? {} : { helpUri: `${DOCS}${id.replace(/\[.*/, '')}/` }),
    properties: { tags },
  };
}

function result({ finding: { rule, at, message, advice }, level }: Judged): object {
  const { id } = ruleOf(rule);
  return {
    ruleId: id,
    ruleIndex: RULES.findIndex(one => one.id === id),
    level,
    message: { text: advice === undefined ? message : `${message}, ${advice}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: at.file.startsWith('/')
            ? { uri: pathToFileURL(at.file).href }
            : { uri: at.file.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'PROJECT' },
          region: { startLine: at.line, startColumn: at.col },
        },
      },
    ],
  };
}
