import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2';
import { ConnectionError, type SshSettings } from '../connection.ts';
import { agentCertificates } from './agent-certificates.ts';
import { pickAlgorithms } from './algorithms.ts';
import { parseCertificate } from './certificate.ts';
import { certified, type Identity, IdentityAgent, type Keyring } from './keys.ts';
import { rsaBits } from './wire.ts';

/** The ways to log in that a host's settings allow, in order, and what to say when none of them worked. */
export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** Keeps the password from a host that may not be the one it was meant for. */
  withholdPassword(): void;
  failure(): ConnectionError;
  /** Some of the keys are shown with a certificate. */
  readonly certified: boolean;
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

const defaultKeys = (): readonly string[] => DEFAULT_KEYS.map(name => join(homedir(), '.ssh', name));

interface Step {
  readonly method: AuthenticationType;
  readonly auth: AnyAuthMethod;
  readonly labels: readonly string[];
}

/**
 * Keys that were named come first, then the password, then the agent's other keys and the default files: a server
 * counts each refused key, and closes the door after a few.
 */
export async function authentication(settings: SshSettings, keyring: Keyring): Promise<Authentication> {
  const problems: string[] = [];
  const named = await identitiesOf(settings.identityFiles, keyring, problem => problems.push(problem));
  const held = settings.agent ? await keyring.agent(settings.agent) : [];
  const fallback = settings.identityFiles.length > 0 ? [] : defaultKeys();
  const usual = await identitiesOf(
    fallback,
    keyring,
    (problem, missing) => missing || problems.push(problem),
  );
  const first = named.map(identity => held.find(other => sameKey(identity, other)) ?? identity);
  const others = [...(settings.identitiesOnly ? [] : held), ...usual].filter(
    (identity, at, all) =>
      !first.some(other => sameKey(identity, other)) &&
      all.findIndex(other => sameKey(identity, other)) === at,
  );
  const acceptable = (identity: Identity): boolean => {
    const problem = keyProblem(settings, identity);
    if (problem !== undefined) problems.push(`${identity.label} ${problem}`);
    return problem === undefined;
  };
  const usable = [...first, ...held, ...usual].filter(({ unusable }) => unusable === undefined);
  const filed = await certificatesFor(settings, usable, keyring, problems);
  const certificates = [...filed, ...(await heldCertificates(settings, named, filed))];
  const steps = [
    ...keySteps(settings.user, [...certificates, ...first].filter(acceptable)),
    ...passwordSteps(settings.user, settings.password),
    ...keySteps(settings.user, others.filter(acceptable)),
  ];
  return {
    ...plan(settings, allowed(steps, settings.loginMethods), problems),
    certified: certificates.length > 0,
  };
}

/** Certificates go before the plain keys: those that are named, and those beside the key files. */
async function certificatesFor(
  settings: SshSettings,
  identities: readonly Identity[],
  keyring: Keyring,
  problems: string[],
): Promise<readonly Identity[]> {
  const beside = (settings.identityFiles.length > 0 ? settings.identityFiles : defaultKeys()).map(
    file => `${file}-cert.pub`,
  );
  const found: Identity[] = [];
  for (const file of [...(settings.certificateFiles ?? []), ...beside]) {
    const certificate = await keyring.certificate(file);
    if (certificate instanceof Error) problems.push(`${file}: ${certificate.message}`);
    else if (certificate === undefined) {
      if (!beside.includes(file)) problems.push(`${file} no such file`);
    } else {
      const key = identities.find(({ publicKey }) => publicKey.getPublicSSH().equals(certificate.key));
      if (key) found.push(certified(key, certificate, `${file} (certificate "${certificate.id}")`));
      else problems.push(`${file} is for a key that is not here`);
    }
  }
  return found;
}

/** Certificates of the agent: with IdentitiesOnly those for keys that are named. */
async function heldCertificates(
  { agent, identitiesOnly }: SshSettings,
  named: readonly Identity[],
  filed: readonly Identity[],
): Promise<readonly Identity[]> {
  const held = agent ? await agentCertificates(agent) : [];
  const isFor = (certificate: Identity, identity: Identity): boolean =>
    parseCertificate(certificate.publicKey.getPublicSSH()).key.equals(identity.publicKey.getPublicSSH());
  return held.filter(
    certificate =>
      !filed.some(other => sameKey(certificate, other)) &&
      (!identitiesOnly || named.some(identity => isFor(certificate, identity))),
  );
}

/** Why a key may not be used; undefined when it may. */
function keyProblem(
  { algorithms, requiredRsaBits }: SshSettings,
  { publicKey, unusable }: Identity,
): string | undefined {
  if (unusable !== undefined) return unusable;
  const { type } = publicKey;
  const names = type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
  if (pickAlgorithms(names, algorithms?.userKey).length === 0)
    return 'is of a type that PubkeyAcceptedAlgorithms excludes';
  const bits = requiredRsaBits === undefined ? undefined : rsaBits(publicKey.getPublicSSH());
  return bits !== undefined && bits < (requiredRsaBits ?? 0)
    ? `has ${bits} bits, less than RequiredRSASize`
    : undefined;
}

/** The steps that the configuration allows, in its order. */
function allowed(steps: readonly Step[], methods: SshSettings['loginMethods']): Step[] {
  if (!methods) return [...steps];
  return methods.flatMap(method => steps.filter(step => step.method === method));
}

function plan(
  settings: SshSettings,
  steps: Step[],
  problems: readonly string[],
): Omit<Authentication, 'certified'> {
  const tried: string[] = [];
  let accepted: readonly string[] = [];
  return {
    handler: (methodsLeft: AuthenticationType[] | null, _partialSuccess, next) => {
      accepted = methodsLeft ?? accepted;
      const at = steps.findIndex(step => !methodsLeft || methodsLeft.includes(step.method));
      const [step] = at < 0 ? [] : steps.splice(at, 1);
      if (step) tried.push(...step.labels);
      // ssh2 takes `false` for "no more ways"; its types leave that out.
      const none = methodsLeft
        ? (false as unknown as AnyAuthMethod)
        : ({ type: 'none', username: settings.user } as const);
      next(step?.auth ?? none);
    },
    withholdPassword: () => {
      steps.splice(0, steps.length, ...steps.filter(step => step.method === 'publickey'));
    },
    failure: () => denied(settings, tried, accepted, problems),
  };
}

function denied(
  settings: SshSettings,
  tried: readonly string[],
  accepted: readonly string[],
  problems: readonly string[],
): ConnectionError {
  const what = tried.length > 0 ? `refused: ${tried.join(', ')}` : 'there was no key and no password to try';
  const accepts = accepted.length > 0 ? `; the server accepts ${accepted.join(', ')}` : '';
  const unusable = problems.length > 0 ? `; not usable: ${problems.join(', ')}` : '';
  return new ConnectionError(
    settings.host,
    `permission denied for ${settings.user}@${settings.address} (${what}${accepts}${unusable})`,
    'check the user (-u, ansible_user), the key (--private-key, ssh-agent) or the password (--ask-pass, -k)',
  );
}

function sameKey(one: Identity, other: Identity): boolean {
  return one.publicKey.getPublicSSH().equals(other.publicKey.getPublicSSH());
}

async function identitiesOf(
  files: readonly string[],
  keyring: Keyring,
  problem: (text: string, missing: boolean) => void,
): Promise<readonly Identity[]> {
  const keys = await Promise.all(files.map(file => keyring.file(file)));
  return keys.flatMap((key, at) => {
    if ('identity' in key) return [key.identity];
    problem(`${files[at]} ${key.problem}`, key.missing);
    return [];
  });
}

function keySteps(username: string, identities: readonly Identity[]): readonly Step[] {
  if (identities.length === 0) return [];
  const auth = { type: 'agent', username, agent: new IdentityAgent(identities) } as const;
  return [{ method: 'publickey', auth, labels: identities.map(identity => identity.label) }];
}

function passwordSteps(username: string, password: string | undefined): readonly Step[] {
  if (password === undefined) return [];
  let asked = 0;
  return [
    { method: 'password', auth: { type: 'password', username, password }, labels: ['the password'] },
    {
      method: 'keyboard-interactive',
      auth: {
        type: 'keyboard-interactive',
        username,
        // A second round means that the password was wrong; an empty answer ends it.
        prompt: (_name, _instructions, _language, prompts, finish) => {
          const answer = asked++ === 0 ? password : '';
          finish(prompts.map(prompt => (prompt.echo ? '' : answer)));
        },
      },
      labels: ['the password (keyboard-interactive)'],
    },
  ];
}
