import { type Position, SourceError } from '../source/errors.ts';
import { parsePythonLiteral } from '../source/python/python-literal.ts';
import { didYouMean } from '../source/suggest.ts';
import type { Dict, Value } from '../source/value.ts';
import type { Graph } from './graph.ts';
import { expandHosts, HostRangeError } from './ranges.ts';

const SECTION = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;
const GROUP_NAME = /^([^:\]\s]+)\s*(?:#.*)?$/;
const KINDS = ['hosts', 'children', 'vars'];

/** Adds an INI inventory to the graph. `addHost` is told of every host, with the variables of its line. */
export function readIni(text: string, file: string, graph: Graph, addHost: AddHost): void {
  new IniReader(file, graph, addHost).read(text.split(/\r?\n/));
}

export type AddHost = (name: string, group: string, vars: Dict, port: number | undefined) => void;

class IniReader {
  private readonly file: string;
  private readonly graph: Graph;
  private readonly addHost: AddHost;
  /** Groups that were named only by `[x:vars]` or as a child, with the place: they must appear as a group somewhere. */
  private readonly pending = new Map<string, { readonly at: Position; readonly message: string }>();
  private readonly children: { readonly parent: string; readonly child: string; readonly at: Position }[] =
    [];
  private group = 'ungrouped';
  private kind = 'hosts';

  constructor(file: string, graph: Graph, addHost: AddHost) {
    this.file = file;
    this.graph = graph;
    this.addHost = addHost;
  }

  read(lines: readonly string[]): void {
    for (const [i, raw] of lines.entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
      const at = {
        file: this.file,
        line: i + 1,
        col: raw.length - raw.trimStart().length + 1,
        length: line.length,
      };
      if (line.startsWith('[') && (SECTION.test(line) || line.endsWith(']'))) this.section(line, at);
      else if (this.kind === 'hosts') this.hostLine(line, at);
      else if (this.kind === 'vars') this.variableLine(line, at);
      else this.childLine(line, at);
    }
    for (const { at, message } of this.pending.values()) throw new SourceError('BAD_INVENTORY', message, at);
    for (const { parent, child, at } of this.children) this.graph.addChild(parent, child, at);
  }

  private section(line: string, at: Position): void {
    const match = SECTION.exec(line);
    if (!match)
      throw new SourceError(
        'BAD_INVENTORY',
        `"${line}" is not a section`,
        at,
        'write [group], [group:vars] or [group:children], without spaces',
      );
    const [, group = '', kind = 'hosts'] = match;
    if (!KINDS.includes(kind)) {
      const hint = didYouMean(kind, KINDS) ?? 'known are hosts, children and vars';
      throw new SourceError('BAD_INVENTORY', `unknown kind of section ":${kind}"`, at, hint);
    }
    this.group = group;
    this.kind = kind;
    if (kind !== 'vars') this.pending.delete(group);
    else if (!this.graph.hasGroup(group))
      this.pending.set(group, { at, message: `variables for "${group}", which is not a group` });
    this.graph.addGroup(group);
  }

  private hostLine(line: string, at: Position): void {
    const [pattern = '', ...assignments] = this.words(line, at);
    if (pattern === '') return;
    if (pattern === '---')
      throw new SourceError(
        'BAD_INVENTORY',
        '"---" begins a YAML file, not a host',
        at,
        'name the file .yaml',
      );
    const vars: Dict = new Map();
    for (const [index, word] of assignments.entries()) {
      const equals = word.indexOf('=');
      if (equals < 0)
        throw new SourceError(
          'BAD_INVENTORY',
          `expected name=value, not "${word}"`,
          at,
          assignments[index + 1]?.startsWith('=')
            ? 'no space may stand around "="'
            : 'one host a line; quote values with spaces',
        );
      vars.set(word.slice(0, equals), literalOrText(word.slice(equals + 1)));
    }
    const { names, port } = this.expand(pattern, at);
    for (const name of names) this.addHost(name, this.group, vars, port);
  }

  private expand(pattern: string, at: Position) {
    try {
      const expanded = expandHosts(pattern);
      if (!pattern.endsWith(':') || expanded.port !== undefined) return expanded;
      throw new HostRangeError('a host name cannot end in ":"');
    } catch (error) {
      if (!(error instanceof HostRangeError)) throw error;
      throw new SourceError('BAD_INVENTORY', `"${pattern}": ${error.message}`, at);
    }
  }

  private words(line: string, at: Position): string[] {
    const words = splitShellWords(line);
    if (words) return words;
    throw new SourceError('BAD_INVENTORY', 'a quote is opened and never closed', at);
  }

  private variableLine(line: string, at: Position): void {
    const equals = line.indexOf('=');
    if (equals < 0) throw new SourceError('BAD_INVENTORY', `expected name=value, not "${line}"`, at);
    this.graph.setGroupVar(
      this.group,
      line.slice(0, equals).trim(),
      literalOrText(line.slice(equals + 1).trim()),
    );
  }

  private childLine(line: string, at: Position): void {
    const child = GROUP_NAME.exec(line)?.[1];
    if (child === undefined)
      throw new SourceError('BAD_INVENTORY', `expected the name of a group, not "${line}"`, at);
    if (!this.graph.hasGroup(child)) {
      this.graph.addGroup(child);
      this.pending.set(child, { at, message: `"${child}" is not a group` });
    }
    this.children.push({ parent: this.group, child, at });
  }
}

function literalOrText(text: string): Value {
  const value = parsePythonLiteral(text);
  return value === undefined ? text : value;
}

/** Words of a line as a POSIX shell sees them, a comment left out; undefined when a quote is not closed. */
function splitShellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i += 1) {
    const char = line[i] ?? '';
    if (char === '#') break;
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(line, i + 1, char);
      if (!quoted) return undefined;
      word = (word ?? '') + quoted.text;
      i = quoted.end;
    } else if (char === '\\') {
      if (i + 1 >= line.length) return undefined;
      i += 1;
      word = (word ?? '') + (line[i] ?? '');
    } else word = (word ?? '') + char;
  }
  return word === undefined ? words : [...words, word];
}

function readQuoted(
  line: string,
  from: number,
  quote: string,
): { readonly text: string; readonly end: number } | undefined {
  let text = '';
  for (let i = from; i < line.length; i += 1) {
    const char = line[i] ?? '';
    if (char === quote) return { text, end: i };
    const next = line[i + 1] ?? '';
    if (char === '\\' && quote === '"' && (next === '"' || next === '\\')) {
      text += next;
      i += 1;
    } else text += char;
  }
  return undefined;
}
