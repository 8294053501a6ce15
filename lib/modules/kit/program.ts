import { quote } from './define.ts';

/** What a task fails with on a host that lacks a program; `from` is the package that has it. */
export const missingProgram = (program: string, from?: string): string =>
  `the program ${program} is missing on this host${from === undefined ? '' : ` (package ${from})`}`;

/** A shell command that ends the script with 96 and that message where the program is missing. */
export const needsProgram = (program: string, from?: string): string =>
  `command -v ${quote(program)} >/dev/null 2>&1 || { echo ${quote(missingProgram(program, from))} >&2; exit 96; }`;
