import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import { Ajv } from 'ajv';
import { expect } from 'chai';
import { RULES } from './catalogue.ts';
import type { Judged } from './judge.ts';
import { sarif } from './sarif.ts';

/** Why a document is no SARIF by the schema of the standard; undefined when it is. */
function complaint(document: object): string | undefined {
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true });
  // Ajv has no draft 4, of which this schema uses nothing but the names of these two keys.
  const { $schema: _, id: __, ...rules } = schema;
  return ajv.validate(rules, document) ? undefined : ajv.errorsText();
}

const found = (rule: string, file: string, level: Judged['level'], advice?: string): Judged => ({
  finding: {
    rule,
    message: 'a message with "quotes" and 汉字',
    at: { file, line: 3, col: 7 },
    ...(advice === undefined ? {} : { advice }),
  },
  level,
});

const FINDINGS = [
  found('name[casing]', 'site.yml', 'error'),
  found('yaml[truthy]', 'my roles/数据库/tasks/50%.yml', 'warning', 'write true'),
  found('load-failure', '/somewhere/else.yml', 'error'),
];

interface Log {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly locations: readonly {
        readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } };
      }[];
    }[];
  }[];
}

describe('lint as SARIF', () => {
  it('is right by the schema of the standard, with and without findings', () => {
    expect(complaint(sarif(FINDINGS, '1.2.3', '/srv/project'))).to.equal(undefined);
    expect(complaint(sarif([], '1.2.3', '/srv/project'))).to.equal(undefined);
  });

  it('would not be with another level, or a line that there is not', () => {
    const text = JSON.stringify(sarif(FINDINGS, '1.2.3', '/srv/project'));
    expect(complaint(JSON.parse(text.replace('"level":"error"', '"level":"bad"')))).to.include('level');
    expect(complaint(JSON.parse(text.replace('"startLine":3', '"startLine":0')))).to.include('startLine');
  });

  it('names files by URIs, and rules by their place in the list', () => {
    const [run] = (sarif(FINDINGS, '1.2.3', '/srv/my project') as Log).runs;
    const uris = run?.results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri);
    expect(uris).to.deep.equal([
      'site.yml',
      'my%20roles/%E6%95%B0%E6%8D%AE%E5%BA%93/tasks/50%25.yml',
      'file:///somewhere/else.yml',
    ]);
    for (const { ruleId, ruleIndex } of run?.results ?? [])
      expect(run?.tool.driver.rules[ruleIndex]?.id).to.equal(ruleId);
    expect(run?.tool.driver.rules).to.have.length(RULES.length);
  });
});
