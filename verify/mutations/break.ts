/** One deliberate fault of a lab cluster (the stand-in), and which checks must turn red for it: these and no others. */
export interface Break {
  readonly id: string;
  readonly what: string;
  readonly host: 'st1' | 'rw1' | 'ro1' | 'ro2';
  /** POSIX sh, as root on the host, with the helpers of PRELUDE. A line `@ro1` goes on at another host. */
  readonly breaks: string;
  readonly heals: string;
  readonly red: readonly string[];
  /** What a message must say. */
  readonly says?: RegExp;
  /** Disturbs what other breaks do, or would be mended while they are tried: never together with others. */
  readonly alone?: true;
  /** Among those that CI tries: quick, and one of each kind. */
  readonly ci?: true;
}

/** Helpers of the scripts, beside $SCRATCH, the scratch disk of the nodes. What a script changes it saves first, and its heal puts back. */
export const PRELUDE = `
BIN=/usr/lib/postgresql/15/bin; DATA=/home/polardb/data; CONF=/etc/polar/nbd-server.conf; ALLOW=/etc/polar/nbd-server.allow
cd /
sql() { runuser -u polardb -- $BIN/psql -XAtq -h /tmp -d postgres -v ON_ERROR_STOP=1 -c "$1"; }
save() { mkdir -p /root/saved && cp -a "$1" "/root/saved/$(echo "$1" | tr / _)"; }
# Without what save kept nothing is touched: else a heal of what was never broken would take the file away.
back() {
  saved=/root/saved/$(echo "$1" | tr / _)
  [ -e "$saved" ] || [ -L "$saved" ] || { echo "nothing was saved of $1" >&2; return 1; }
  rm -rf "$1"; cp -a "$saved" "$1"
}
# Of a unit that does not run there is no process; kill would take 0 for the script's own group.
main_pid() { pid=$(systemctl show -p MainPID --value "$1"); [ "$pid" -gt 0 ] && echo "$pid"; }
reload() { sql 'select pg_reload_conf()' >/dev/null; sleep 0.3; }
serve() { systemctl restart polar-nbd-server; sleep 0.2; }
# The service counts as started a moment before the server answers.
answers() { tries=0; until $BIN/pg_isready -q -h /tmp || [ $((tries += 1)) -gt 150 ]; do sleep 0.2; done; }
`;

export const conf = (
  id: string,
  what: string,
  edit: string,
  red: readonly string[],
  more: Partial<Break> = {},
): Break => ({
  id,
  what,
  host: 'st1',
  breaks: `save $CONF; sed -i '${edit}' $CONF; serve`,
  heals: 'back $CONF; serve',
  red,
  ...more,
});

export const file = (
  id: string,
  what: string,
  host: Break['host'],
  path: string,
  edit: string,
  red: readonly string[],
  more: Partial<Break> = {},
): Break => ({ id, what, host, breaks: `save ${path}; ${edit}`, heals: `back ${path}`, red, ...more });

export const set = (
  id: string,
  setting: string,
  host: Break['host'],
  red: readonly string[],
  more: Partial<Break> = {},
): Break => ({
  id,
  what: `ALTER SYSTEM SET ${setting}`,
  host,
  breaks: `sql "alter system set ${setting}"; reload`,
  heals: `sql 'alter system reset ${setting.split(' ')[0]}'; reload`,
  red,
  ...more,
});

export const hba = (
  id: string,
  what: string,
  host: Break['host'],
  edit: string,
  red: readonly string[],
  more: Partial<Break> = {},
): Break => ({
  id,
  what,
  host,
  breaks: `save $DATA/pg_hba.conf; ${edit}; reload`,
  heals: 'back $DATA/pg_hba.conf; reload',
  red,
  ...more,
});

export const record = (
  id: string,
  what: string,
  edit: string,
  red: readonly string[],
  more: Partial<Break> = {},
) => file(id, what, 'st1', '/var/lib/polar/record', edit, red, more);

export const RECORD = '/var/lib/polar/record';
