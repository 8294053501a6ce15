import type { SourceErrorCode } from '../source/errors.ts';

/** The text of one template, and its file when it has one of its own (an included template). */
export interface Source {
  readonly text: string;
  readonly file?: string | undefined;
  /** The line of the file that the text begins at; 1 unless a header was cut off. */
  readonly line?: number;
}

/** A stretch of a template's text: what an error points at. */
export interface Site {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

interface FaultOptions {
  readonly hint?: string | undefined;
  readonly site?: Site | undefined;
  readonly undefinedName?: string | undefined;
  readonly words?: string | undefined;
}

/** A mistake found while parsing or rendering; becomes a SourceError once the place of the text is known. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: SourceErrorCode;
  readonly hint: string | undefined;
  readonly site: Site | undefined;
  /** The name that is not defined, for UNDEFINED_VARIABLE. */
  readonly undefinedName: string | undefined;
  /** The message without the name of the filter, test or lookup before it. */
  readonly words: string;

  constructor(code: SourceErrorCode, message: string, options: FaultOptions = {}) {
    super(message);
    this.code = code;
    this.hint = options.hint;
    this.site = options.site;
    this.undefinedName = options.undefinedName;
    this.words = options.words ?? message;
  }
}

/** A mistake in what a template does with its values (wrong type, bad argument). */
export function fault(message: string, hint?: string): Fault {
  return new Fault('TEMPLATE_RUNTIME', message, { hint });
}
