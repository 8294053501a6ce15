import type { Static, TObject, TProperties } from 'typebox';
import { PythonRegex, PythonRegexError, type RegexFlags } from '../../source/python/python-regex.ts';
import type { Json } from '../../source/value.ts';
import { A } from './arguments.ts';
import { type AttributeChanges, attributeArgs, attributeChanges, unsafeWritesArg } from './attributes.ts';
import { defineState, type ModuleContext, ModuleError, type StateModule } from './define.ts';
import { attributesFound, type PathState, statPath } from './stat.ts';
import { applyAttributes, attributeDiff, contentDiff, writeFile } from './write-file.ts';

/** Arguments of every module that edits a text file in place. */
export const editArgs = {
  path: A.path('The file to edit; a symbolic link is followed.', { aliases: ['dest', 'destfile', 'name'] }),
  backup: A.bool('Keep a copy of the file as it was, with a time stamp in its name.', { default: false }),
  validate: A.opt(
    A.str('Command that must accept the new file before it replaces the old one; %s is its name.'),
  ),
  ...attributeArgs,
  ...unsafeWritesArg,
};

/**
 * File content while it is edited: one character per byte, so that any file survives. What an author wrote joins it
 * through `toBytes`.
 */
export type ByteText = string;

/** Author's text as it stands in a file: UTF-8, one character per byte. */
export const toBytes = (text: string): ByteText => Buffer.from(text).toString('latin1');

/** A Python pattern over bytes, or a task failure that says what is wrong with it. */
export function bytePattern(pattern: string, argument: string, flags: RegexFlags = {}): PythonRegex {
  return pythonPattern(toBytes(pattern), argument, { ascii: true, ...flags });
}

/** A Python pattern, or a task failure that says what is wrong with it. */
export function pythonPattern(pattern: string, argument: string, flags: RegexFlags = {}): PythonRegex {
  try {
    return new PythonRegex(pattern, flags);
  } catch (error) {
    if (!(error instanceof PythonRegexError)) throw error;
    throw new ModuleError(`${argument} is not a regular expression: ${error.message}`);
  }
}

/** What an edit wants: `after` is undefined when the file is to be left as it is. */
export interface Edit {
  readonly after: ByteText | undefined;
  readonly msg: string;
  /** Further result fields. */
  readonly result?: Readonly<Record<string, Json>>;
}

type EditArgs = typeof editArgs;

interface EditRule<P extends TProperties>
  extends Omit<StateModule<P>, 'kind' | 'args' | 'probe' | 'diff' | 'apply' | 'touches'> {
  readonly args: TObject<P & EditArgs>;
  /** The rule itself: pure. `before` is undefined when there is no file. */
  edit(before: ByteText | undefined, args: Static<TObject<P & EditArgs>>, ctx: ModuleContext): Edit;
  /** Fields that every result has (`backup: ''`). */
  readonly always?: Readonly<Record<string, Json>>;
  /** Name of the result field that holds the copy's name, when it is not `backup_file`. */
  readonly backupField?: string;
}

/** A module that edits a text file: reading, comparing, writing and attributes are the same for all of them. */
export function defineEdit<P extends TProperties>(rule: EditRule<P>): StateModule {
  type Args = Static<TObject<EditArgs>>;
  const planOf = (found: PathState, args: Args, ctx: ModuleContext) => planEdit(rule, found, args, ctx);
  const { edit: _, always: __, backupField = 'backup_file', ...common } = rule;
  return defineState<EditArgs, PathState>({
    // The rule knows arguments of its own besides those that are used here.
    ...(common as unknown as Omit<StateModule<EditArgs, PathState>, 'kind'>),
    touches: args => [args.path],
    *probe(args) {
      return yield* statPath(args.path, { follow: true, content: 'bytes', wanted: args });
    },
    diff(found, args, ctx) {
      const { edit, attributes } = planOf(found, args, ctx);
      const changes = edit.after === undefined ? [] : [`${found.path}: ${edit.msg}`];
      const diff = [
        ...(edit.after === undefined
          ? []
          : [
              contentDiff(
                found.bytes,
                bytesOf(edit.after),
                `${found.path} (content)`,
                `${found.path} (content)`,
              ),
            ]),
        ...attributeDiffs(found.path, attributes),
      ];
      return {
        changes: [...changes, ...(attributes?.changes ?? [])],
        ...(diff.length > 0 && { diff }),
        result: { msg: message(edit, attributes), ...rule.always, ...edit.result },
      };
    },
    *apply(found, args, ctx) {
      const { edit, attributes } = planOf(found, args, ctx);
      if (edit.after === undefined) {
        if (attributes) yield* applyAttributes(found, attributes);
        return {};
      }
      const { backup_file } = yield* writeFile({
        path: found.realPath,
        source: { kind: 'bytes', bytes: bytesOf(edit.after) },
        found,
        wanted: args,
        backup: args.backup,
        validate: args.validate,
        unsafeWrites: args.unsafe_writes,
        makeParents: found.parent === 'missing',
        replaces: { bytes: found.status && (found.bytes ?? Buffer.alloc(0)) },
        refusal: (rc, stderr) => `failed to validate: rc:${rc} error:${stderr}`,
      });
      return backup_file === undefined ? {} : { [backupField]: backup_file };
    },
  });
}

const bytesOf = (text: ByteText) => Buffer.from(text, 'latin1');

function planEdit<P extends TProperties>(
  rule: EditRule<P>,
  found: PathState,
  args: Static<TObject<EditArgs>>,
  ctx: ModuleContext,
): { readonly edit: Edit; readonly attributes: AttributeChanges | undefined } {
  const { status, path } = found;
  if (status?.type === 'directory') throw new ModuleError(`Path ${path} is a directory !`, { rc: 256 });
  if (status && !found.readable) throw new ModuleError(`cannot read ${path}: permission denied`, { path });
  const before = status && (found.bytes ?? Buffer.alloc(0)).toString('latin1');
  // As above: what the rule gets is what its schema was held against.
  const finished = { ...args, path } as Static<TObject<P & EditArgs>>;
  const edit = rule.edit(before, finished, ctx);
  const same = edit.after === before;
  return {
    edit: same ? { ...edit, after: undefined } : edit,
    attributes: status && attributeChanges(attributesFound({ ...found, status }), args, path, ctx.checkMode),
  };
}

function attributeDiffs(path: string, attributes: AttributeChanges | undefined) {
  const diff = attributes && attributeDiff(path, attributes.before, attributes.after);
  if (!diff) return [];
  const header = `${path} (file attributes)`;
  return [{ ...diff, beforeHeader: header, afterHeader: header }];
}

const ATTRIBUTES_CHANGED = 'ownership, perms or SE linux context changed';

function message(edit: Edit, attributes: AttributeChanges | undefined): string {
  const parts = [
    ...(edit.msg === '' ? [] : [edit.msg]),
    ...(attributes && attributes.changes.length > 0 ? [ATTRIBUTES_CHANGED] : []),
  ];
  return parts.join(' and ');
}
