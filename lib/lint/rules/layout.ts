import { isMap, isScalar, isSeq, Lexer, type Node, type Pair, visit } from 'yaml';
import type { Edit, Finding } from '../finding.ts';
import { isPlain, type LintFile } from '../lint-file.ts';

const MAX_LINE = 160;
const MAX_EMPTY = 2;

/** What yamllint finds with ansible-lint's settings: how a file is laid out, not what it says. */
export function lintLayout(file: LintFile): Finding[] {
  const inScalars = scalarLines(file);
  return [
    ...lint(lineEnds, file, inScalars),
    ...lint(trailingSpaces, file, inScalars),
    ...lint(emptyLines, file, inScalars),
    ...lint(longLines, file, inScalars),
    ...(file.isYaml ? [...tokens(file), ...scalars(file), ...indentation(file)] : []),
  ];
}

const lint = <T>(rule: (file: LintFile, given: T) => Finding[], file: LintFile, given: T) =>
  rule(file, given);

const remove = (start: number, end: number, text = ''): readonly Edit[] => [{ start, end, text }];

/** Lines whose blanks belong to a text over several lines: they are content. */
function scalarLines(file: LintFile): ReadonlySet<number> {
  const lines = new Set<number>();
  for (const root of file.roots)
    visit(root, {
      Scalar: (_, node) => {
        const [start, end] = file.range(node);
        const last = file.lineOf(Math.max(start, end - 1));
        for (let line = file.lineOf(start); line <= last; line += 1)
          if (last > file.lineOf(start)) lines.add(line);
      },
    });
  return lines;
}

function lineEnds(file: LintFile, inScalars: ReadonlySet<number>): Finding[] {
  const { text, lines } = file;
  const found: Finding[] = [];
  const windows = text.indexOf('\r\n');
  if (windows >= 0) {
    const fix = file.lines.every(line => !/\r./.test(line)) ? everywhere(text, /\r(?=\n)/g, '') : undefined;
    found.push(
      file.finding('yaml[new-lines]', windows, 'line ends of Windows', { advice: 'end lines with \\n', fix }),
    );
  }
  if (text !== '' && !text.endsWith('\n')) {
    const fix = inScalars.has(lines.length) ? undefined : remove(text.length, text.length, '\n');
    const at = text.length - 1;
    found.push(file.finding('yaml[new-line-at-end-of-file]', at, 'the last line has no end', { fix }));
  }
  return found;
}

const everywhere = (text: string, pattern: RegExp, to: string): Edit[] =>
  [...text.matchAll(pattern)].map(({ index, 0: all }) => ({
    start: index,
    end: index + all.length,
    text: to,
  }));

function trailingSpaces(file: LintFile, inScalars: ReadonlySet<number>): Finding[] {
  return file.lines.flatMap((line, i) => {
    const length = line.replace(/\r$/, '').match(/[ \t]+$/)?.[0].length ?? 0;
    if (length === 0) return [];
    const end = file.startOf(i + 1) + line.replace(/\r$/, '').length;
    const fix = inScalars.has(i + 1) ? undefined : remove(end - length, end);
    return [file.finding('yaml[trailing-spaces]', end - length, 'spaces at the end of the line', { fix })];
  });
}

function emptyLines(file: LintFile, inScalars: ReadonlySet<number>): Finding[] {
  const { lines } = file;
  const found: Finding[] = [];
  const isEmpty = (i: number) => i < lines.length && (lines[i] === '' || lines[i] === '\r');
  for (let first = 0; first < lines.length; first += 1) {
    if (!isEmpty(first)) continue;
    let next = first;
    while (isEmpty(next)) next += 1;
    // What follows the last line end is not a line.
    const atEnd = next === lines.length;
    const count = next - first - (atEnd ? 1 : 0);
    const most = atEnd || first === 0 ? 0 : MAX_EMPTY;
    if (count > most) {
      const inText = [...Array(count).keys()].some(i => inScalars.has(first + i + 1));
      const fix = inText
        ? undefined
        : remove(file.startOf(first + most + 1), file.startOf(first + count + 1));
      const at = file.startOf(first + count);
      found.push(
        file.finding('yaml[empty-lines]', at, `${count} empty lines, at most ${most} here`, { fix }),
      );
    }
    first = next;
  }
  return found;
}

function longLines(file: LintFile): Finding[] {
  return file.lines.flatMap((line, i) => {
    const { length } = line.replace(/\r$/, '');
    // One word that cannot be broken may be as long as it is.
    if (length <= MAX_LINE || !/\s/.test(line.trim().replace(/^(#+|- )\s*/, ''))) return [];
    const at = file.startOf(i + 1) + MAX_LINE;
    return [
      file.finding('yaml[line-length]', at, `the line has ${length} characters, more than ${MAX_LINE}`),
    ];
  });
}

/** A piece of the text as the parser cuts it. */
interface Piece {
  readonly text: string;
  readonly start: number;
}

/** Marks that the lexer puts between the pieces. */
const MARKS = new Set(['\u0002', '\u0018', '\u001f']);

function pieces(text: string): Piece[] {
  let start = 0;
  const all: Piece[] = [];
  for (const piece of new Lexer().lex(text)) {
    if (MARKS.has(piece)) continue;
    all.push({ text: piece, start });
    start += piece.length;
  }
  return all;
}

const isBlank = (piece: Piece | undefined): piece is Piece =>
  piece !== undefined && /^[ \t]+$/.test(piece.text);
const endsLine = (piece: Piece | undefined): boolean =>
  piece === undefined || /^\r?\n/.test(piece.text) || piece.text.startsWith('#');
/** A blank at the beginning of a line is indentation. */
const beginsLine = (before: Piece | undefined): boolean => before === undefined || before.text.endsWith('\n');

function tokens(file: LintFile): Finding[] {
  const all = pieces(file.text);
  return all.flatMap((piece, i) => {
    const [first, before, after, next] = [all[i - 2], all[i - 1], all[i + 1], all[i + 2]];
    const found: Finding[] = [];
    const spaces = (rule: string, blank: Piece, most: number, where: string, mend = true) =>
      void found.push(
        file.finding(`yaml[${rule}]`, blank.start, `too many spaces ${where}`, {
          fix: mend ? remove(blank.start, blank.start + blank.text.length, ' '.repeat(most)) : undefined,
        }),
      );
    const inner = (rule: string, most: number, opening: string, closing: string) => {
      if (
        piece.text === opening &&
        isBlank(after) &&
        after.text.length > most &&
        !endsLine(next) &&
        next?.text !== closing
      )
        spaces(rule, after, most, `behind "${opening}"`);
      if (
        piece.text === closing &&
        isBlank(before) &&
        before.text.length > most &&
        !beginsLine(first) &&
        first?.text !== opening
      )
        spaces(rule, before, most, `before "${closing}"`);
    };
    inner('braces', 1, '{', '}');
    inner('brackets', 0, '[', ']');
    if (piece.text === ',' || piece.text === ':') {
      const [rule, name] = piece.text === ',' ? ['commas', 'the comma'] : ['colons', 'the colon'];
      if (isBlank(before) && !beginsLine(first)) spaces(rule!, before, 0, `before ${name}`);
      if (isBlank(after) && after.text.length > 1 && !endsLine(next))
        spaces(rule!, after, 1, `behind ${name}`);
      if (piece.text === ',' && !isBlank(after) && !endsLine(after))
        found.push(
          file.finding('yaml[commas]', piece.start, 'no space behind the comma', {
            fix: remove(piece.start + 1, piece.start + 1, ' '),
          }),
        );
    }
    if (piece.text === '-' && isBlank(after) && after.text.length > 1 && !endsLine(next))
      spaces('hyphens', after, 1, 'behind the hyphen', false);
    const bare = /^#+(?=[^\s#])/.exec(piece.text);
    if (bare && !(piece.start === 0 && piece.text.startsWith('#!')))
      found.push(
        file.finding('yaml[comments]', piece.start, 'no space at the beginning of the comment', {
          fix: remove(piece.start + bare[0].length, piece.start + bare[0].length, ' '),
        }),
      );
    return found;
  });
}

const TRUTHY = /^(y|n|yes|no|on|off|true|false)$/i;
/** The words that Ansible's YAML takes for true and false. */
const TRUTH: Readonly<Record<string, string>> = {
  yes: 'true',
  on: 'true',
  true: 'true',
  no: 'false',
  off: 'false',
  false: 'false',
};

function scalars(file: LintFile): Finding[] {
  const found: Finding[] = [];
  for (const root of file.roots)
    visit(root, {
      Scalar: (key, node) => {
        if (!isPlain(node) || node.tag || node.range?.[0] === node.range?.[1]) return;
        const text = String(node.value);
        const [start, end] = file.range(node);
        if (TRUTHY.test(text) && text !== 'true' && text !== 'false' && text.length > 1) {
          const fix = key === 'key' ? undefined : remove(start, end, TRUTH[text.toLowerCase()]);
          const advice = `write true or false${key === 'key' ? ', or quote it' : ''}`;
          found.push(
            file.finding('yaml[truthy]', node, `"${text}" is a truth value by another name`, { advice, fix }),
          );
        }
        if (/^0[0-7]+$/.test(text) || /^0o[0-7]+$/.test(text)) {
          const fix = key === 'key' ? undefined : remove(start, end, `"${text}"`);
          const octal = `${text} is an octal number, ${Number.parseInt(text.replace('o', ''), 8)}`;
          // Quotes make a text of the number: that is what permissions want, and nothing else.
          const isMode = key === 'value' && file.lines[file.lineOf(start) - 1]!.includes('mode');
          found.push(
            file.finding('yaml[octal-values]', node, octal, {
              advice: 'quote it',
              fix: isMode ? fix : undefined,
            }),
          );
        }
      },
    });
  return found;
}

/** Mappings and lists within a mapping, all as far to the right of it as the first one. */
function indentation(file: LintFile): Finding[] {
  let step: number | undefined;
  const found: Finding[] = [];
  const column = (node: Node) => file.place(node).col - 1;
  for (const root of file.roots)
    visit(root, {
      Pair: (_, pair) => {
        const { key, value } = pair as Pair<Node, Node | null>;
        if (!(isMap(value) || isSeq(value)) || value.flow || !isScalar(key)) return;
        const first = isMap(value) ? (value.items[0]?.key as Node | undefined) : value;
        if (!first?.range || !key.range || file.place(first).line === file.place(key).line) return;
        const is = isSeq(value) ? hyphenColumn(file, value) : column(first);
        const by = is - column(key);
        if (by > 0) step ??= by;
        if (by === (step ?? 2)) return;
        const at = file.startOf(file.place(first).line) + is;
        const want = column(key) + (step ?? 2);
        found.push(file.finding('yaml[indentation]', at, `indented by ${is} spaces, expected are ${want}`));
      },
    });
  return found;
}

function hyphenColumn(file: LintFile, list: Node): number {
  const line = file.lines[file.place(list).line - 1]!;
  return line.indexOf('-');
}
