import { createHash } from 'node:crypto';
import { fault } from '../fault.ts';

/** The namespace of Ansible's to_uuid. */
const ANSIBLE = '361E6D51-FAEC-444A-9079-341386DA8E2E';

/** The name-based UUID (version 5) of a text. */
export function uuid5(text: string, namespace = ANSIBLE): string {
  const hex = namespace.replace(/^urn:uuid:|[{}-]/g, '');
  if (!/^[\da-f]{32}$/i.test(hex))
    throw fault(`Invalid value '${namespace}' for 'namespace': badly formed hexadecimal UUID string`);
  const bytes = createHash('sha1').update(Buffer.from(hex, 'hex')).update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
