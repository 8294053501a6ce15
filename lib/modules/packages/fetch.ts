/**
 * A shell function `fetch URL FILE` for keys and packages: whatever downloader the host has. apt brings its own, so every
 * Debian host has one.
 */
export function fetchFunction(validateCerts: boolean): string {
  const [curl, wget, apt] = validateCerts
    ? ['', '', '']
    : ['-k ', '--no-check-certificate ', '-o Acquire::https::Verify-Peer=false '];
  return `fetch() {
  if command -v curl >/dev/null 2>&1; then curl -fsSL ${curl}-o "$2" -- "$1"
  elif [ -x /usr/lib/apt/apt-helper ]; then /usr/lib/apt/apt-helper ${apt}download-file "$1" "$2" >/dev/null
  elif command -v wget >/dev/null 2>&1; then wget -q ${wget}-O "$2" -- "$1"
  else echo 'this host has neither curl nor wget to download with' >&2; return 1; fi
}`;
}
