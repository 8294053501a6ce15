import { matchesPatterns } from '../config/patterns.ts';
import { ConnectionError, type SshSettings } from '../connection.ts';

/** Key exchange is most of what a login costs, so the cheap ones come first; ciphers that the CPU does come first. */
const KEX = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group-exchange-sha256',
];
const CIPHERS = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
];
const MACS = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha1-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
  'hmac-sha1',
];
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** What is offered to a host; `known` are kinds of keys on file for it, which come first. */
export function algorithmsOf(settings: SshSettings, known: readonly string[]) {
  const { algorithms = {} } = settings;
  const pick = (ours: readonly string[], kind: keyof typeof algorithms): string[] => {
    const picked = pickAlgorithms(ours, algorithms[kind]);
    if (picked.length > 0) return picked;
    throw new ConnectionError(
      settings.host,
      `ssh's configuration leaves no ${kind} algorithm that is known here: ${algorithms[kind]}`,
      `known here: ${ours.join(', ')}`,
    );
  };
  return {
    kex: pick(KEX, 'kex'),
    cipher: pick(CIPHERS, 'cipher'),
    hmac: pick(MACS, 'mac'),
    serverHostKey: pick([...new Set([...known, ...HOST_KEYS])], 'hostKey'),
  };
}

/** Ours as a list of ssh_config asks for: names, or changes to the usual list. */
export function pickAlgorithms(ours: readonly string[], list: string | undefined): string[] {
  const [, change = '', names = ''] = /^([-+^]?)(.*)$/s.exec(list ?? '+') ?? [];
  const patterns = names.split(',').map(name => name.trim());
  const isNamed = (name: string): boolean => matchesPatterns(patterns, name, 'exact');
  switch (change) {
    case '+':
      return [...ours];
    case '-':
      return ours.filter(name => !isNamed(name));
    case '^':
      return [...ours.filter(isNamed), ...ours.filter(name => !isNamed(name))];
    default:
      return patterns.flatMap(pattern => ours.filter(name => matchesPatterns([pattern], name, 'exact')));
  }
}
