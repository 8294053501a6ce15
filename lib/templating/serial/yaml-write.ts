import type { Value } from '../../source/value.ts';
import { type YamlNode, yamlNodes } from './yaml-nodes.ts';
import { analyze, doubleQuoted, isBreak } from './yaml-scalar.ts';

export interface YamlStyle {
  readonly indent: number;
  readonly width: number;
  /** Undefined: collections of scalars only are written in one line. */
  readonly flow: boolean | undefined;
  readonly sortKeys: boolean;
  readonly explicitStart?: boolean;
  readonly explicitEnd?: boolean;
}

/** Keys longer than this are written with a question mark. */
const MAX_SIMPLE_KEY = 128;

/** Writes a value as PyYAML does, line folding and all. */
export function writeYaml(value: Value, style: YamlStyle): string {
  return new YamlWriter(style).document(yamlNodes(value, style));
}

interface Place {
  /** The node is the key of a mapping and stands on one line. */
  readonly isKey?: boolean;
  readonly inMapping?: boolean;
  readonly isRoot?: boolean;
}

class YamlWriter {
  private readonly style: YamlStyle;
  private readonly step: number;
  private readonly width: number;
  private out = '';
  private column = 0;
  private indent = -1;
  private flowLevel = 0;
  /** The last character was a space or a line break. */
  private afterSpace = true;
  /** Only indentation and indicators stand on the line so far. */
  private atIndent = true;

  constructor(style: YamlStyle) {
    this.style = style;
    this.step = style.indent > 1 && style.indent < 10 ? style.indent : 2;
    this.width = style.width >= 0 && style.width <= this.step * 2 ? 80 : style.width;
    if (this.width < 0) this.width = Number.POSITIVE_INFINITY;
  }

  document(root: YamlNode): string {
    if (this.style.explicitStart) this.indicator('---', true);
    this.node(root, { isRoot: true });
    this.line();
    if (this.style.explicitEnd) this.raw('...\n');
    return this.out;
  }

  private raw(text: string): void {
    this.out += text;
    this.column += text.length;
  }

  private line(): void {
    this.out += '\n';
    this.column = 0;
    this.afterSpace = true;
    this.atIndent = true;
  }

  private indentation(): void {
    const indent = Math.max(0, this.indent);
    if (!this.atIndent || this.column > indent || (this.column === indent && !this.afterSpace)) this.line();
    if (this.column < indent) this.raw(' '.repeat(indent - this.column));
    this.afterSpace = true;
    this.atIndent = true;
  }

  private indicator(text: string, needsSpace: boolean, isSpace = false, isIndent = false): void {
    if (needsSpace && !this.afterSpace) this.raw(' ');
    this.raw(text);
    this.afterSpace = isSpace;
    this.atIndent = this.atIndent && isIndent;
  }

  private deeper(isFlow: boolean, isIndentless: boolean, write: () => void): void {
    const outer = this.indent;
    if (this.indent < 0) this.indent = isFlow ? this.step : 0;
    else if (!isIndentless) this.indent += this.step;
    write();
    this.indent = outer;
  }

  private node(node: YamlNode, place: Place): void {
    if (node.isAlias) {
      this.indicator(`*${node.anchor}`, true);
      return;
    }
    if (node.anchor !== undefined) this.indicator(`&${node.anchor}`, true);
    if (node.kind === 'scalar') this.scalar(node, place);
    else if (node.kind === 'list') this.list(node, place);
    else this.dict(node);
  }

  private list(node: YamlNode & { kind: 'list' }, place: Place): void {
    if (this.flowLevel > 0 || node.isFlow || node.items.length === 0) {
      this.flow('[', ']', node.items, item => this.node(item, {}));
      return;
    }
    this.deeper(false, place.inMapping === true && !this.atIndent, () => {
      for (const item of node.items) {
        this.indentation();
        this.indicator('-', true, false, true);
        this.node(item, {});
      }
    });
  }

  private flow<T>(open: string, close: string, items: readonly T[], write: (item: T) => void): void {
    this.indicator(open, true, true);
    this.deeper(true, false, () => {
      this.flowLevel++;
      for (const [i, item] of items.entries()) {
        if (i > 0) this.indicator(',', false);
        if (this.column > this.width) this.indentation();
        write(item);
      }
      this.flowLevel--;
    });
    this.indicator(close, false);
  }

  private dict(node: YamlNode & { kind: 'dict' }): void {
    const isFlow = this.flowLevel > 0 || node.isFlow || node.pairs.length === 0;
    if (isFlow) {
      this.flow('{', '}', node.pairs, pair => this.pair(pair, true));
      return;
    }
    this.deeper(false, false, () => {
      for (const pair of node.pairs) {
        this.indentation();
        this.pair(pair, false);
      }
    });
  }

  private pair([key, value]: readonly [YamlNode, YamlNode], isFlow: boolean): void {
    if (isSimpleKey(key)) {
      this.node(key, { isKey: true });
      this.indicator(':', false);
    } else {
      this.indicator('?', true, false, !isFlow);
      this.node(key, { inMapping: true });
      if (!isFlow) this.indentation();
      this.indicator(':', true, false, !isFlow);
    }
    this.node(value, { inMapping: true });
  }

  private styleOf(node: YamlNode & { kind: 'scalar' }, place: Place): 'plain' | 'single' | 'double' {
    const analysis = analyze(Array.from(node.text));
    const isKeyTrouble = place.isKey === true && (analysis.isEmpty || analysis.isMultiline);
    const mayBePlain = this.flowLevel > 0 ? analysis.flowPlain : analysis.blockPlain;
    if (node.isPlain && mayBePlain && !isKeyTrouble) return 'plain';
    return analysis.singleQuoted && !(place.isKey && analysis.isMultiline) ? 'single' : 'double';
  }

  private scalar(node: YamlNode & { kind: 'scalar' }, place: Place): void {
    const style = this.styleOf(node, place);
    const chars = Array.from(node.text);
    const mayBreak = place.isKey !== true;
    this.deeper(true, false, () => {
      if (style === 'plain') this.plain(chars, mayBreak);
      else if (style === 'single') this.single(chars, mayBreak);
      else this.double(chars, mayBreak);
    });
  }

  private plain(chars: readonly string[], mayBreak: boolean): void {
    if (!this.afterSpace && (chars.length > 0 || this.flowLevel > 0)) this.raw(' ');
    let spaces = false;
    for (const [i, char] of chars.entries()) {
      const isFold = char === ' ' && mayBreak && !spaces && this.column > this.width && chars[i + 1] !== ' ';
      if (isFold) this.indentation();
      else this.raw(char);
      if (char !== ' ') this.atIndent = false;
      spaces = char === ' ';
    }
    this.afterSpace = false;
    this.atIndent = false;
  }

  private single(chars: readonly string[], mayBreak: boolean): void {
    this.indicator("'", true);
    let [spaces, breaks] = [false, false];
    for (const [i, char] of chars.entries()) {
      if (char === ' ') {
        const isInside = i > 0 && i < chars.length - 1 && chars[i + 1] !== ' ';
        if (mayBreak && !spaces && this.column > this.width && isInside) this.indentation();
        else this.raw(char);
        spaces = true;
      } else if (isBreak(char)) {
        if (!breaks && char === '\n') this.line();
        this.line();
        breaks = true;
      } else {
        if (breaks) this.indentation();
        this.raw(char === "'" ? "''" : char);
        this.atIndent = false;
        [spaces, breaks] = [false, false];
      }
    }
    if (breaks) this.indentation();
    this.indicator("'", false);
  }

  private double(chars: readonly string[], mayBreak: boolean): void {
    this.indicator('"', true);
    let spaces = false;
    for (const [i, char] of chars.entries()) {
      const isInside = i > 0 && i < chars.length - 1;
      if (char === ' ' && mayBreak && !spaces && this.column > this.width && isInside) {
        this.indentation();
        if (chars[i + 1] === ' ') this.raw('\\');
      } else this.raw(doubleQuoted(char));
      spaces = char === ' ';
    }
    this.indicator('"', false);
  }
}

/** A key that fits on the line in front of its colon. */
function isSimpleKey(key: YamlNode): boolean {
  if (key.isAlias) return true;
  switch (key.kind) {
    case 'scalar':
      return key.text.length <= MAX_SIMPLE_KEY && !Array.from(key.text).some(isBreak);
    case 'list':
      return key.items.length === 0;
    case 'dict':
      return key.pairs.length === 0;
  }
}
