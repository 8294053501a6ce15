/** A shell pattern as Python's fnmatch reads it: `*` and `?` match slashes, too; `[!a]` is a complement. */
export function globPattern(glob: string): RegExp {
  let source = '';
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    const set = char === '[' ? /^\[(!?)(\]?[^\]]*)\]/.exec(glob.slice(i)) : null;
    if (char === '*') source += '[^]*';
    else if (char === '?') source += '[^]';
    else if (set && set[2] !== '') {
      source += `[${set[1] === '!' ? '^' : ''}${set[2]!.replace(/[\\\]^]/g, '\\$&')}]`;
      i += set[0].length - 1;
    } else source += char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  return new RegExp(`^${source}$`);
}
