import { parseJson } from '../../../source/json.ts';
import type { Json } from '../../../source/value.ts';

/** A value as psql prints it, in the type the server says it has. */
export function typedValue(text: string, type: string): Json {
  if (type.endsWith('[]')) return parseArray(text, type.slice(0, -2));
  const base = type.replace(/\([^()]*\)/, '');
  switch (base) {
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'oid':
    case 'numeric':
    case 'real':
    case 'double precision':
      return numeric(text);
    case 'boolean':
      return text === 't';
    case 'json':
    case 'jsonb':
      return jsonValue(text);
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return isoTime(text);
    default:
      return text;
  }
}

/** NaN and infinity stay text. */
function numeric(text: string): Json {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

function jsonValue(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** `2024-01-01 10:00:00.5+02` → `2024-01-01T10:00:00.500000+02:00`. */
function isoTime(text: string): string {
  const match = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)?(:\d\d)?$/.exec(text);
  if (!match) return text;
  const [, day, time, fraction, zone, minutes] = match;
  return `${day}T${time}${fraction ? fraction.padEnd(7, '0') : ''}${zone ? `${zone}${minutes ?? ':00'}` : ''}`;
}

/** An array literal; NULL elements are null. */
export function parseArray(text: string, type: string): Json {
  let at = text.indexOf('{');
  if (at < 0) return text;
  const element = (raw: string): Json => (raw === 'NULL' ? null : typedValue(raw, type));
  const list = (): Json[] => {
    const items: Json[] = [];
    at++;
    while (at < text.length && text[at] !== '}') {
      if (text[at] === '{') items.push(list());
      else if (text[at] === '"') items.push(typedValue(quoted(), type));
      else items.push(element(plain()));
      if (text[at] === ',') at++;
    }
    at++;
    return items;
  };
  const quoted = (): string => {
    let word = '';
    for (at++; at < text.length && text[at] !== '"'; at++) word += text[at] === '\\' ? text[++at] : text[at];
    at++;
    return word;
  };
  const plain = (): string => {
    const start = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
    return text.slice(start, at);
  };
  return list();
}
