import type { Static, TObject, TProperties } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A } from './arguments.ts';
import { type Attributes, attributeArgs, attributeChanges, unsafeWritesArg } from './attributes.ts';
import { defineState, quote, type StateModule, type Steps } from './define.ts';
import { PLACE, REACH } from './reach.ts';
import { ask, mustAsk } from './reply.ts';
import { attributesFound, statScript } from './stat.ts';
import { type TextFile, textFileOf } from './text-file.ts';
import { applyAttributes, writeFile } from './write-file.ts';

/** Arguments of every module whose file is made by a program on the host: keys, requests, certificates. */
export const generatedArgs = {
  path: A.path('Where the file is.'),
  state: A.choice(['absent', 'present'], 'Whether the file should be there.', { default: 'present' }),
  force: A.bool('Make it anew each time.', { default: false }),
  backup: A.bool('Keep a copy of the file as it was, with a time stamp in its name.', { default: false }),
  ...attributeArgs,
  ...unsafeWritesArg,
};

type Generated = typeof generatedArgs;

interface Recipe<P extends TProperties>
  extends Omit<StateModule<P>, 'kind' | 'args' | 'probe' | 'diff' | 'apply' | 'touches'> {
  readonly args: TObject<P & Generated>;
  /** Shell commands that write records of what there is to know about the file in `$p`; nothing of the host changes. */
  inspect(args: Static<TObject<P & Generated>>): string;
  /** Why the file must be generated again; undefined when it is as wanted. Pure; throws where the request is impossible. */
  reason(found: TextFile, args: Static<TObject<P & Generated>>): string | undefined;
  /** Shell commands whose output is the file; `$p` is where it will be. */
  make(args: Static<TObject<P & Generated>>): string;
  /** Result fields, read from a file that is there. */
  describe?(found: TextFile, args: Static<TObject<P & Generated>>): Readonly<Record<string, Json>>;
  /** Shell commands to run after the file is in place. */
  after?(args: Static<TObject<P & Generated>>): string;
  readonly mode?: string;
}

type Args = Static<TObject<Generated>>;

/** A module that keeps a file which a program on the host makes: looking, deciding, writing are the same for all. */
export function defineGenerated<P extends TProperties>(recipe: Recipe<P>): StateModule {
  type Full = Static<TObject<P & Generated>>;
  /** The recipe knows arguments of its own besides those that are used here. */
  const full = (args: Args) => args as Full;
  const { inspect, reason, make, describe, after, mode, ...common } = recipe;
  const wanted = (args: Args): Attributes => args;
  function* probe(args: Args): Steps<TextFile> {
    const look = statScript(args.path, { follow: true, content: 'bytes', wanted: wanted(args) });
    const script = `p=${quote(args.path)}\n(${inspect(full(args))}\n)\n${look}`;
    return textFileOf(args.path, yield* ask(script, { live: true }));
  }
  const why = (found: TextFile, args: Args): string | undefined => {
    if (found.file.status === undefined) return 'missing';
    return args.force ? 'force' : reason(found, full(args));
  };
  const changesOf = (found: TextFile, args: Args, checkMode: boolean) =>
    found.file.status &&
    attributeChanges(
      attributesFound({ ...found.file, status: found.file.status }),
      wanted(args),
      found.file.path,
      checkMode,
    );
  return defineState<Generated, TextFile>({
    // As for `full`.
    ...(common as unknown as Omit<StateModule<Generated, TextFile>, 'kind'>),
    touches: args => [args.path],
    probe,
    diff(found, args, ctx) {
      const { path, status } = found.file;
      if (args.state === 'absent')
        return { changes: status ? [`remove ${path}`] : [], result: { filename: path } };
      const because = why(found, args);
      const attributes = changesOf(found, args, ctx.checkMode)?.changes ?? [];
      return {
        changes: [...(because === undefined ? [] : [`make ${path}: ${because}`]), ...attributes],
        result: { filename: path, ...(because === undefined && describe?.(found, full(args))) },
      };
    },
    *apply(found, args) {
      const { path, realPath } = found.file;
      if (args.state === 'absent') {
        yield* mustAsk(`cannot remove ${path}`, `${REACH}\nreach ${quote(path)}; rm -f "$n"`);
        return {};
      }
      if (why(found, args) === undefined) {
        const changes = changesOf(found, args, false);
        return {
          ...(changes && (yield* applyAttributes(found.file, changes))),
          ...describe?.(found, full(args)),
        };
      }
      const written = yield* writeFile({
        path: realPath,
        source: { kind: 'script', script: make(full(args)) },
        found: found.file,
        wanted: { ...wanted(args), mode: args.mode ?? (found.file.status ? undefined : mode) },
        backup: args.backup,
        unsafeWrites: args.unsafe_writes,
      });
      if (after)
        yield* mustAsk(
          `cannot finish ${path}`,
          [REACH, PLACE, `p=${quote(realPath)}`, after(full(args))].join('\n'),
        );
      const now = describe ? yield* probe(args) : undefined;
      return { ...written, ...(now && describe?.(now, full(args))) };
    },
  });
}
