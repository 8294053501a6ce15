import { expect } from 'chai';
import type { Module, Result } from '../../lib/modules/kit/define.ts';
import type { Json } from '../../lib/source/value.ts';

/** Lines that say what a host is like: nothing may change that they do not show. */
export type State = readonly string[];

/** One task on one host, and how to look at that host. */
export interface Trial {
  state(): State | Promise<State>;
  run(checkMode: boolean): Promise<Result>;
}

/** What check mode, a first and a second real run of one task said. */
export interface Fidelity {
  readonly checked: Result;
  readonly first: Result;
  readonly second: Result;
}

export interface Expectations {
  /** A second run changes something again, as `restarted` does. */
  readonly repeats?: boolean;
  /** A verdict that check mode cannot know (a validator's): then only its innocence is tested. */
  readonly unpredictable?: boolean;
}

/**
 * Proves that check mode predicts the run: it leaves the host as it is, predicts `changed`, the diff and the failure of
 * the real run; what says "ok" changes nothing, what says "changed" does; and afterwards check mode and a second run
 * find nothing to do (unless the task `repeats`).
 */
export async function proveFidelity(
  trial: Trial,
  { repeats, unpredictable }: Expectations = {},
): Promise<Fidelity> {
  const before = await trial.state();
  const checked = await trial.run(true);
  same(before, await trial.state(), 'check mode touched the host');
  const first = await trial.run(false);
  if (!unpredictable) {
    expect(failureOf(first), 'the real run failed').to.equal(failureOf(checked));
    expect(first.changed, `check mode predicted otherwise: ${said(checked)}, then ${said(first)}`).to.equal(
      checked.changed,
    );
    expect(first.diff, 'check mode predicted another diff').to.deep.equal(checked.diff);
  }
  const after = await trial.state();
  if (!first.changed && !first.failed) same(before, after, 'ok, but something changed');
  if (first.changed && !repeats && !unpredictable)
    expect(differences(before, after), `changed, but nothing did: ${said(first)}`).to.not.equal('');
  if (repeats || first.failed) return { checked, first, second: await trial.run(false) };
  const again = await trial.run(true);
  expect(again.changed, `check mode after the change: ${said(again)}`).to.equal(false);
  same(after, await trial.state(), 'check mode touched the host after the change');
  const second = await trial.run(false);
  expect(failureOf(second), 'the second run failed').to.equal(undefined);
  expect(second.changed, `a second run changed something: ${said(second)}`).to.equal(false);
  same(withoutFolderTimes(after), withoutFolderTimes(await trial.state()), 'a second run touched the host');
  return { checked, first, second };
}

/** A real run may make a file beside another, to compare the two, and remove it. */
const withoutFolderTimes = (state: State): State =>
  state.map(line => line.replace(/ (4\d{4} \d+:\d+) [\d.]+ $/, ' $1'));

const failureOf = (result: Result) => (result.failed ? result.msg : undefined);
const said = (result: Result) => JSON.stringify(result).slice(0, 400);

function same(before: State, after: State, message: string): void {
  expect(differences(before, after), message).to.equal('');
}

/** Lines that only one of two states has, the first few of them. */
function differences(before: State, after: State): string {
  const only = (mark: string, lines: State, others: State) => {
    const there = new Set(others);
    return lines.filter(line => !there.has(line)).map(line => `${mark} ${line}`);
  };
  return [...only('-', before, after), ...only('+', after, before)].slice(0, 20).join('\n');
}

type Arguments = Readonly<Record<string, Json>>;

/** A further task of a scenario: arguments that are added to those of the first, or replace them; null takes one away. */
export type Step = Arguments | readonly [args: Arguments, marks: Marks];

interface Marks {
  /** Shell that prepares this turn. */
  readonly before?: string;
  readonly repeats?: true;
  /** The task finds nothing to do. */
  readonly ok?: true;
}

/** What a module is tried with: tasks that follow on one another, each of which changes something, and only once. */
export interface Scenario {
  readonly args: Arguments;
  readonly next?: readonly Step[];
  /** Shell that prepares the host; it starts in a directory of its own, which is `~t` in arguments and shell. */
  readonly setup?: string;
  readonly needs?: readonly string[];
  /** Shell that prints what of the state is in no file: the units of systemd, the volumes of LVM. */
  readonly look?: string;
  /** It only looks: nothing may ever change. */
  readonly looks?: true;
  /** The first task changes something each time. */
  readonly repeats?: true;
}

/** A host that scenarios run on. */
export interface Host {
  prepare(script: string): void | Promise<void>;
  state(look: string | undefined): State | Promise<State>;
  run(module: Module, args: Arguments, checkMode: boolean): Promise<Result>;
}

/** Runs a scenario, or its first tasks, in a directory of the host that does not exist yet. */
export async function proveScenario(
  module: Module,
  scenario: Scenario,
  host: Host,
  dir: string,
  most = Number.POSITIVE_INFINITY,
): Promise<void> {
  const here = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('~t', dir)) as T;
  await host.prepare(`mkdir -p ${dir}; cd ${dir}; ${here(scenario.setup ?? ':')}`);
  const look = scenario.look && here(scenario.look);
  for (const [args, marks] of stepsOf(scenario).slice(0, most)) {
    if (marks.before) await host.prepare(`cd ${dir}; ${here(marks.before)}`);
    const wanted = here(args);
    const { first } = await proveFidelity(
      { state: () => host.state(look), run: checkMode => host.run(module, wanted, checkMode) },
      { ...(marks.repeats && { repeats: true }) },
    ).catch(error => {
      if (error instanceof Error) error.message = `${JSON.stringify(wanted)}: ${error.message}`;
      throw error;
    });
    expect(failureOf(first), JSON.stringify(wanted)).to.equal(undefined);
    expect(first.changed, JSON.stringify(wanted)).to.equal(!marks.ok);
  }
}

function stepsOf({ args, next = [], looks, repeats }: Scenario): readonly (readonly [Arguments, Marks])[] {
  const merge = (more: Arguments) =>
    Object.fromEntries(Object.entries({ ...args, ...more }).filter(([, value]) => value !== null));
  const steps = next.map(step =>
    Array.isArray(step) ? ([merge(step[0]), step[1]] as const) : ([merge(step as Arguments), {}] as const),
  );
  return [[args, { ...(looks && { ok: true }), ...(repeats && { repeats }) }], ...steps];
}
