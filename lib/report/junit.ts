import type { HostOutcome, RunEvent } from '../engine/events.ts';
import { xmlText } from '../source/html-text.ts';
import { jsonText } from '../source/json.ts';
import type { DocumentReport } from './document.ts';
import { failureMessage } from './failure-message.ts';

/** JUnit XML for CI: a suite per play, a case per task and host. */
export class JunitReport implements DocumentReport {
  readonly #suites: { name: string; cases: HostOutcome[] }[] = [];
  /** Why the run ended before its end; without an end it was nothing that it could tell. */
  #ended: string | undefined = 'the run has no end';

  on(event: RunEvent): void {
    if (event.type === 'play-start') this.#suites.push({ name: event.name, cases: [] });
    else if (event.type === 'outcome') this.#suites.at(-1)?.cases.push(event);
    else if (event.type === 'run-end') this.#ended = event.summary.ended;
  }

  text(): string {
    const suites =
      this.#suites.map(suite => suiteXml(suite.name, suite.cases)).join('') + runXml(this.#ended);
    return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites}</testsuites>\n`;
  }
}

/** A run that ended before its end is a case that went wrong, whatever its tasks did. */
const runXml = (ended: string | undefined): string =>
  ended === undefined
    ? ''
    : `  <testsuite name="run" tests="1" errors="1">\n    <testcase name="run">\n      <error message="${xmlText(ended)}"/>\n    </testcase>\n  </testsuite>\n`;

const isFailure = ({ status, ignored }: HostOutcome): boolean =>
  !ignored && (status === 'failed' || status === 'unreachable');
const isSkip = ({ status }: HostOutcome): boolean => status === 'skipped' || status === 'unknown';

function suiteXml(name: string, cases: readonly HostOutcome[]): string {
  const seconds = cases.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0) / 1000;
  const counts = `tests="${cases.length}" failures="${cases.filter(isFailure).length}" skipped="${cases.filter(isSkip).length}"`;
  return `  <testsuite name="${xmlText(name)}" ${counts} time="${seconds.toFixed(3)}">\n${cases.map(caseXml).join('')}  </testsuite>\n`;
}

function caseXml(outcome: HostOutcome): string {
  const { task, host, result, elapsedMs } = outcome;
  const { file, line } = task.position;
  const head = `    <testcase name="[${xmlText(host)}] ${xmlText(task.name)}" classname="${xmlText(`${file}:${line}`)}" time="${(elapsedMs / 1000).toFixed(3)}"`;
  if (isFailure(outcome)) {
    const detail = xmlText(jsonText(result, 2));
    return `${head}>\n      <failure message="${xmlText(failureMessage(result))}">${detail}</failure>\n    </testcase>\n`;
  }
  return isSkip(outcome) ? `${head}><skipped/></testcase>\n` : `${head}/>\n`;
}
