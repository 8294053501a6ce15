import type { Json } from '../../source/value.ts';
import {
  type ActionModule,
  type Done,
  type Failed,
  type ModuleContext,
  ModuleError,
  type Plan,
  type Reply,
  type Request,
  type Result,
  StaleError,
  type StateModule,
  type Steps,
  unpredicted,
} from './define.ts';

/** A module with finished arguments. */
export interface ModuleCall {
  readonly module: StateModule | ActionModule;
  readonly args: Record<string, Json>;
  readonly ctx: ModuleContext;
}

/** What a state module found on the host, and what it wants to change there. */
export interface Probed {
  readonly call: ModuleCall;
  readonly found: unknown;
  readonly plan: Plan;
}

/** Carries out one request. What it throws is thrown inside the module, unless it is a `StopDriving`. */
export type Perform = (request: Request) => Promise<Reply>;

/** Ends a module from outside: its time is up, or the run is interrupted. No module may catch it. */
export class StopDriving extends Error {}

/** Carries out what the steps ask for, one after the other, and gives what they return. */
export async function drive<T>(steps: Steps<T>, perform: Perform): Promise<T> {
  let next = steps.next();
  while (!next.done) {
    let reply: Reply;
    try {
      reply = await perform(next.value);
    } catch (error) {
      // A module may know what a lost connection means (a reboot).
      if (error instanceof StopDriving) throw error;
      next = steps.throw(error);
      continue;
    }
    next = steps.next(reply);
  }
  return next.value;
}

/** A whole call: an action runs; a state module probes, and applies what differs. */
export function* callSteps(call: ModuleCall): Steps<Result> {
  if (call.module.kind === 'action') return yield* actionSteps(call);
  const probed = yield* probeSteps(call);
  return settledResult(probed) ?? (yield* applySteps(probed));
}

/** Finished arguments for a module, which alone knows their types; `coerceArguments` held its schema against them. */
const typed = (args: ModuleCall['args']) => args as never;

export function* actionSteps({ module, args, ctx }: ModuleCall): Steps<Result> {
  if (module.kind !== 'action') throw new Error(`${module.name} is probed`);
  if (!ctx.checkMode || module.readOnly) return yield* module.run(typed(args), ctx);
  const predicted = module.check && (yield* module.check(typed(args), ctx));
  // Ansible calls it skipped and makes up an empty output; what depends on that would be told a lie.
  return !predicted || predicted.skipped ? unpredicted(module) : predicted;
}

export function* probeSteps(call: ModuleCall): Steps<Probed> {
  const { module } = call;
  if (module.kind !== 'state') throw new Error(`${module.name} is not probed`);
  const found = yield* module.probe(typed(call.args), call.ctx);
  return { call, found, plan: module.diff(found, typed(call.args), call.ctx) };
}

/** The result of a call that writes nothing: the host is as wanted, or check mode stops here. */
export function settledResult({ call, plan }: Probed): Done | undefined {
  const changed = plan.changes.length > 0;
  return changed && !call.ctx.checkMode ? undefined : resultOf(plan, changed);
}

/** How often a task begins anew because something else changed what it works on. */
const TRIES = 100;

export function* applySteps(probed: Probed): Steps<Done> {
  for (let tries = 1, now = probed; ; tries++) {
    try {
      return yield* applyOnce(now);
    } catch (error) {
      if (!(error instanceof StaleError) || tries === TRIES) throw error;
    }
    now = yield* probeSteps(now.call);
    const settled = settledResult(now);
    if (settled) return settled;
  }
}

function* applyOnce({ call, found, plan }: Probed): Steps<Done> {
  const { module } = call;
  if (module.kind !== 'state') throw new Error(`${module.name} is not probed`);
  const late = yield* module.apply(found, typed(call.args), call.ctx, plan);
  // A module may be told to let the host refuse its change.
  return resultOf(plan, late['changed'] !== false, late);
}

const resultOf = (plan: Plan, changed: boolean, late: Readonly<Record<string, Json>> = {}): Done => ({
  ...plan.result,
  ...late,
  changed,
  ...(plan.diff && { diff: plan.diff }),
});

/** What a module's own failure comes to; any other error goes on. */
export function failureResult(error: unknown): Failed {
  if (!(error instanceof ModuleError)) throw error;
  return { changed: false, failed: true, msg: error.message, ...error.fields };
}
