import { Fault, type Site, type Source } from './fault.ts';
import { DEFAULT_DELIMITERS, type Delimiters, type LexOptions } from './syntax/tokens.ts';
import type { TemplateFileOptions } from './templar.ts';

const HEADER = '#jinja2:';

type Settings = { -readonly [K in keyof TemplateFileOptions]: TemplateFileOptions[K] };

const BOOLEANS: Readonly<Record<string, 'trimBlocks' | 'lstripBlocks'>> = {
  trim_blocks: 'trimBlocks',
  lstrip_blocks: 'lstripBlocks',
};

const TEXTS: Readonly<Record<string, keyof Delimiters | 'newline' | 'lineStatement' | 'lineComment'>> = {
  variable_start_string: 'variableStart',
  variable_end_string: 'variableEnd',
  block_start_string: 'blockStart',
  block_end_string: 'blockEnd',
  comment_start_string: 'commentStart',
  comment_end_string: 'commentEnd',
  newline_sequence: 'newline',
  line_statement_prefix: 'lineStatement',
  line_comment_prefix: 'lineComment',
};

/** Splits a template file into its `#jinja2:` header, read into options, and its body. */
export function fileOptions(
  text: string,
  given: TemplateFileOptions,
): { source: Source; lex: LexOptions; newline: string } {
  const settings: Settings = { ...given };
  let body = text;
  if (text.startsWith(HEADER)) {
    const end = text.indexOf('\n');
    const line = text.slice(HEADER.length, end < 0 ? undefined : end);
    const site = { source: { text, file: given.file }, start: 0, end: end < 0 ? text.length : end };
    for (const pair of line.split(',')) applySetting(settings, pair, site);
    body = end < 0 ? '' : text.slice(end + 1);
  }
  const delimiters: Delimiters = {
    variableStart: settings.variableStart ?? DEFAULT_DELIMITERS.variableStart,
    variableEnd: settings.variableEnd ?? DEFAULT_DELIMITERS.variableEnd,
    blockStart: settings.blockStart ?? DEFAULT_DELIMITERS.blockStart,
    blockEnd: settings.blockEnd ?? DEFAULT_DELIMITERS.blockEnd,
    commentStart: settings.commentStart ?? DEFAULT_DELIMITERS.commentStart,
    commentEnd: settings.commentEnd ?? DEFAULT_DELIMITERS.commentEnd,
  };
  const trimBlocks = settings.trimBlocks ?? true;
  const lstripBlocks = settings.lstripBlocks ?? false;
  const newline = settings.newline ?? '\n';
  const source = { text: body, file: given.file, line: body === text ? 1 : 2 };
  const { lineStatement } = settings;
  // An empty one would be everywhere.
  const lineComment = settings.lineComment || undefined;
  const lex = { delimiters, trimBlocks, lstripBlocks, rawBackslashes: false, lineStatement, lineComment };
  return { source, lex, newline };
}

function applySetting(settings: Settings, pair: string, site: Site): void {
  const colon = pair.indexOf(':');
  const [name, value] = [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
  const text = /^(['"])(.*)\1$/.exec(value)?.[2];
  const [flag, key] = [BOOLEANS[name], TEXTS[name]];
  if (colon > 0 && flag && /^(True|False)$/.test(value)) settings[flag] = value === 'True';
  else if (colon > 0 && key && text !== undefined)
    settings[key] = text.replaceAll('\\n', '\n').replaceAll('\\r', '\r');
  else if (colon <= 0 || (!flag && !key)) {
    const known = [...Object.keys(BOOLEANS), ...Object.keys(TEXTS)].join(', ');
    throw new Fault('TEMPLATE_SYNTAX', `failed to parse jinja2 override '${pair.trim()}'`, {
      hint: `write NAME: VALUE with one of ${known}`,
      site,
    });
  } else
    throw new Fault('TEMPLATE_SYNTAX', `bad value ${value} for ${name} in the #jinja2: header`, { site });
}
