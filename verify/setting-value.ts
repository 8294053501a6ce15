/** What pg_settings says about the unit and type of a setting. */
export interface SettingKind {
  readonly vartype: string;
  readonly unit: string | null;
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
  '8kB': 8 * 2 ** 10,
};
const MILLISECONDS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const TRUE = ['on', 'true', 'yes', '1', 't', 'y', 'tr', 'tru', 'ye'];

/** A value as postgresql.conf or pg_settings has it, in a form in which equal values are equal texts. */
export function normalValue(value: string, { vartype, unit }: SettingKind): string {
  const text = value.trim();
  if (vartype === 'bool') return TRUE.includes(text.toLowerCase()) ? 'on' : 'off';
  if (vartype === 'integer' || vartype === 'real') return numberText(text, unit);
  // Lists and names that the server writes in its own way: "iso, mdy" and "ISO, MDY".
  return text
    .toLowerCase()
    .split(',')
    .map(part => part.trim())
    .join(',');
}

function numberText(text: string, unit: string | null): string {
  const match = /^([-+]?(?:0x[\da-f]+|[\d.]+(?:e[-+]?\d+)?))\s*([a-zA-Z]*)$/i.exec(text);
  if (!match) return text;
  const number = Number(match[1]);
  const own = unit === null ? '' : unit;
  const scale = scaleOf(own);
  const given = match[2] === '' ? scale : scaleOf(match[2]!);
  if (scale === undefined || given === undefined) return text;
  const value = (number * given) / scale;
  // The server rounds what has a unit to that unit: 1 kB of a setting in blocks of 8 kB.
  return String(unit === null ? value : Math.round(value));
}

function scaleOf(unit: string): number | undefined {
  if (unit === '') return 1;
  const blocks = /^(\d+)(kB|MB)$/.exec(unit);
  if (blocks) return Number(blocks[1]) * BYTES[blocks[2]!]!;
  return BYTES[unit] ?? MILLISECONDS[unit];
}
