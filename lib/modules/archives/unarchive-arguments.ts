import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs } from '../kit/attributes.ts';

export const args = Type.Object({
  src: A.path(
    'The archive: of the control machine, or of the host with remote_src, then an address is possible.',
  ),
  dest: A.path('An existing directory to unpack into.'),
  remote_src: A.bool('src is on the host.', { default: false }),
  copy: A.opt(A.bool('The opposite of remote_src, as it was once called.')),
  creates: A.opt(A.path('When this is there, nothing is unpacked.')),
  list_files: A.bool('List the names in the archive as `files`.', { default: false }),
  exclude: A.list('Names to leave out.', { default: [] }),
  include: A.list('The only names to unpack.', { default: [] }),
  keep_newer: A.bool('Leave files alone that are newer than those of the archive.', { default: false }),
  extra_opts: A.list('More options for tar or unzip.', { default: [] }),
  decrypt: A.bool('Decrypt an archive that is encrypted with vault.', { default: true }),
  validate_certs: A.bool('Refuse servers whose certificate is not valid.', { default: true }),
  io_buffer_size: A.int('Accepted, without a meaning.', { default: 65_536 }),
  ...attributeArgs,
});

export type UnarchiveArgs = Static<typeof args>;
