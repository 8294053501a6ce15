import { quote } from '../kit/define.ts';
import type { UnarchiveArgs } from './unarchive-arguments.ts';

/** Shell commands for one kind of archive; `$a` is the archive, `$d` the destination. */
export interface ArchiveScripts {
  /** Ends the script when a program is missing. */
  readonly needs: string;
  /** Prints the names of all members. */
  readonly names: string;
  /** Prints a line for each difference between archive and destination. */
  readonly differences: string;
  readonly extract: string;
}

/**
 * GNU tar takes a backslash in the name of a directory for more than that, and a colon in that of an archive for a
 * host: the shell enters the directory, and names begin with a slash. It (`$g`) finds out about the compression by itself; busybox needs to be told (`$z`).
 */
const COMPRESSION = `case $a in /*) ;; *) a=$PWD/$a;; esac
g=$(tar --version 2>/dev/null | grep GNU); z=
[ -n "$g" ] || case $(head -c 2 "$a" | od -An -tx1 | tr -d ' \\n') in 1f8b) z=-z;; 425a) z=-j;; fd37) z=-J;; esac`;

/** GNU tar compares by itself; with busybox what is missing, or has another size or time, differs. */
export function tarScripts(args: UnarchiveArgs): ArchiveScripts {
  const { exclude, include, extra_opts: extra, keep_newer: keepNewer, owner, group } = args;
  const options = [
    ...(extra.length > 0 ? ['--show-transformed-names', ...extra.map(quote)] : []),
    ...exclude.map(name => `--exclude=${quote(name.replace(/\/$/, ''))}`),
  ].join(' ');
  const owners = [
    ...(owner === undefined ? [] : [`--owner=${quote(owner)}`]),
    ...(group === undefined ? [] : [`--group=${quote(group)}`]),
    ...(keepNewer ? ['--keep-newer-files'] : []),
  ].join(' ');
  const rest = `-f "$a" ${include.map(quote).join(' ')}`.trim();
  const line = (parts: readonly string[]) => parts.filter(Boolean).join(' ');
  const busybox = `printf '%s\\n' "$n" | while IFS= read -r f; do [ -e "$d/$f" ] || [ -h "$d/$f" ] || printf '%s: Warning: Cannot stat: No such file or directory\\n' "$f"; done`;
  return {
    needs: `command -v tar >/dev/null 2>&1 || fail "unpacking needs tar on the host"\n${COMPRESSION}`,
    names: line(['tar -t $z', options, rest]),
    differences: `if [ -n "$g" ]; then (cd -P "$d" && ${line(['tar --diff', options, owners, rest])}) 2>&1; else ${busybox}; fi; :`,
    extract: `${COMPRESSION}\ncd -P "$d" && ${line(['tar -x $z', options, owners, rest])}`,
  };
}

const ALWAYS = [/: Mod time differs$/, /: Warning: Cannot stat: No such file or directory$/];

/** The lines of `tar --diff` that count: what the task sets anyway does not. */
export function tarDifferences(text: string, args: UnarchiveArgs): string[] {
  const counting = [
    ...ALWAYS,
    ...(args.owner === undefined ? [/: Uid differs$/] : []),
    ...(args.group === undefined ? [/: Gid differs$/] : []),
    ...(args.mode === undefined ? [/: Mode differs$/] : []),
  ];
  return text
    .split('\n')
    .filter(line => !/: : Warning: Cannot stat/.test(line) && counting.some(pattern => pattern.test(line)));
}

/** zip archives are unpacked to a temporary directory, and what came out is compared. */
export function zipScripts(args: UnarchiveArgs): ArchiveScripts {
  const { exclude, include, extra_opts: extra, keep_newer: keepNewer, mode } = args;
  const chosen = include.map(quote).join(' ');
  const left = exclude.length > 0 ? `-x ${exclude.map(quote).join(' ')}` : '';
  const options = extra.map(quote).join(' ');
  const line = (parts: readonly string[]) => parts.filter(Boolean).join(' ');
  const age = keepNewer ? '[ "$d/$f" -nt "$f" ] && continue' : ':';
  const format = mode === undefined ? '%f %Y' : '%Y';
  const same = `[ "$(stat -c '${format}' "$f")" = "$(stat -c '${format}' "$d/$f")" ] && cmp -s "$f" "$d/$f"`;
  const sameLink = '[ "$(readlink "$f")" = "$(readlink "$d/$f" 2>/dev/null)" ]';
  const each = `if [ -h "$f" ]; then ${sameLink} || echo "$f"; elif [ -d "$f" ]; then [ -d "$d/$f" ] || echo "$f"; elif [ -e "$d/$f" ]; then ${age}; ${same} || echo "$f"; else echo "$f"; fi`;
  return {
    needs:
      'command -v unzip >/dev/null 2>&1 || fail "Unable to find required unzip: unpacking a zip archive needs it on the host"',
    names: line([
      'unzip -Z1 "$a"',
      chosen,
      left,
      '2>/dev/null || unzip -l "$a" | sed -n "4,\\$s/^ *[0-9]* *[-0-9]* *[:0-9]* *//p"',
    ]),
    differences: [
      `s=$(umask 077; mktemp -d /tmp/polarplay-unzip.XXXXXX) || fail "cannot make a directory in /tmp"; trap 'rm -rf "$s"' 0`,
      `${line(['unzip -o -q', options, '"$a"', chosen, left, '-d "$s"'])} >&2 || fail "cannot unpack $a"`,
      `(cd "$s" && find . -mindepth 1 | sed 's|^\\./||' | while IFS= read -r f; do ${each}; done)`,
    ].join('\n'),
    extract: line([keepNewer ? 'unzip -uo' : 'unzip -o', options, '"$a"', chosen, left, '-d "$d"']),
  };
}
