import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, unsafeWritesArg } from '../kit/attributes.ts';

const TIME_FORMAT = '%Y%m%d%H%M.%S';

export const args = Type.Object({
  path: A.path('The entry to care for.', { aliases: ['dest', 'name'] }),
  state: A.opt(
    A.choice(
      ['absent', 'directory', 'file', 'hard', 'link', 'touch'],
      'What is to be there; unset means what is there already, or a file (a directory with recurse).',
    ),
  ),
  src: A.opt(A.path('What the link leads to; relative to the link for state=link.')),
  recurse: A.bool('Bring all that is below a directory to the same attributes, too.', { default: false }),
  force: A.bool(
    'Make the link even if its target is missing, or a file or empty directory is in its place.',
    {
      default: false,
    },
  ),
  follow: A.bool('Care for what a symbolic link leads to instead of the link.', { default: true }),
  modification_time: A.opt(A.str('preserve, now, or a time in modification_time_format.')),
  modification_time_format: A.str('Form of modification_time, as strptime has it.', { default: TIME_FORMAT }),
  access_time: A.opt(A.str('preserve, now, or a time in access_time_format.')),
  access_time_format: A.str('Form of access_time, as strptime has it.', { default: TIME_FORMAT }),
  ...attributeArgs,
  ...unsafeWritesArg,
});

export type FileArgs = Static<typeof args>;
