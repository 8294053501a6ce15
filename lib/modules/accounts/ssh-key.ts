import type { Json } from '../../source/value.ts';
import { ASKPASS } from '../kit/askpass.ts';
import { quote } from '../kit/define.ts';
import { PLACE, REACH } from '../kit/reach.ts';
import type { Records } from '../kit/reply.ts';

/** The arguments of `user` that concern the key. */
export interface KeyRequest {
  readonly name: string;
  readonly ssh_key_type: string;
  readonly ssh_key_bits?: number;
  readonly ssh_key_comment?: string;
  readonly ssh_key_file?: string;
  readonly ssh_key_passphrase?: string;
}

export interface KeyFound {
  readonly exists: boolean;
  readonly fields: Readonly<Record<string, Json>>;
}

/** A shell word for the private key; the home directory is in `$h`. */
export function keyPath(request: KeyRequest): string {
  const file = request.ssh_key_file ?? `.ssh/id_${request.ssh_key_type}`;
  return file.startsWith('/') ? quote(file) : `"$h"/${quote(file)}`;
}

/** Tells path, fingerprint and public key of a key that is there. */
export function probeKey(path: string): string {
  return `k=${path}; if [ -e "$k" ] || [ -e "$k.pub" ]; then field file "$k"; field print "$(ssh-keygen -l -f "$k" 2>&1)"; [ -r "$k.pub" ] && field public "$(cat "$k.pub")"; fi`;
}

export function parseKey(records: Records): KeyFound {
  const file = records.text('file');
  if (file === undefined) return { exists: false, fields: {} };
  return {
    exists: true,
    fields: {
      ssh_key_file: file,
      ssh_fingerprint: records.text('print') ?? '',
      ssh_public_key: records.text('public') ?? null,
    },
  };
}

/**
 * Commands that make a key in a place of our own and give it to the user, in whose directory anything may happen. The passphrase is in `$pp`: it reaches ssh-keygen through an askpass
 * program, since an argument list can be read by everyone on the host.
 */
export function keyCommands(request: KeyRequest, entries: string): string {
  const comment =
    request.ssh_key_comment === undefined
      ? '"ansible-generated on $(uname -n)"'
      : quote(request.ssh_key_comment);
  const bits = request.ssh_key_bits ? ` -b ${request.ssh_key_bits}` : '';
  const keygen = `ssh-keygen -q -t ${quote(request.ssh_key_type)}${bits} -C ${comment} -f "$made/key"`;
  const make = !request.ssh_key_passphrase
    ? `${keygen} -N '' </dev/null`
    : `PASSPHRASE=$pp; with_passphrase ${keygen} && needs_passphrase "$made/key"`;
  return `${entries}
${ASKPASS}
u=$(entry passwd ${quote(request.name)}); h=\${u%:*}; h=\${h##*:}; id=\${u#*:*:}; id=\${id%%:*}; g=\${u#*:*:*:}; g=\${g%%:*}
k=${keyPath(request)}
made=$(umask 077; mktemp -d) || exit $?; trap 'rm -rf "$made"' 0
{ ${make}; } || exit $?
${REACH}
${PLACE}
reach "\${k%/*}"; [ -d "$n" ] || mkdir -m 700 "$n" || exit $?; step "\${n#./}"; [ ! -O . ] || chown "$id:$g" . || exit $?
k=./\${k##*/}; rm -f "$k" "$k.pub"
place "$k" "$id:$g" 600 <"$made/key"; place "$k.pub" "$id:$g" 644 <"$made/key.pub"; cd /`;
}
