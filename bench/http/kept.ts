import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { verdictOf } from './report.ts';
import type { HttpRun } from './run.ts';

/** What `bench http` found earlier, as the page of all runs lists it. */
export interface KeptHttpRun {
  readonly at: string;
  /** Name of its page. */
  readonly page: string;
  readonly level: ReturnType<typeof verdictOf>['level'];
  readonly sentence: string;
}

/** Reports of `bench http`, as it names them. */
export const HTTP_REPORT = /^\d{8}T\d{6}-http\.(html|md|json)$/;

/** The runs of a folder, oldest first. One that cannot be read has no line; its page is still there. */
export function httpRunsIn(dir: string): readonly KeptHttpRun[] {
  return readdirSync(dir)
    .filter(name => HTTP_REPORT.test(name) && name.endsWith('.json'))
    .sort()
    .flatMap(name => {
      try {
        const run = JSON.parse(readFileSync(join(dir, name), 'utf8')) as HttpRun;
        return [{ at: run.at, page: name.replace(/json$/, 'html'), ...verdictOf(run) }];
      } catch {
        return [];
      }
    });
}
