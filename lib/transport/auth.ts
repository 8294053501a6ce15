import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2';
import { ConnectionError, type SshSettings } from './connection.ts';
import { type Identity, IdentityAgent, type Keyring } from './keys.ts';

/** The ways to log in that a host's settings allow, in order, and what to say when none of them worked. */
export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** Keeps the password from a host that may not be the one it was meant for. */
  withholdPassword(): void;
  failure(): ConnectionError;
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

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
  const fallback =
    settings.identityFiles.length > 0 ? [] : DEFAULT_KEYS.map(name => join(homedir(), '.ssh', name));
  const usual = await identitiesOf(fallback, keyring, () => {});
  const first = named.map(identity => held.find(other => sameKey(identity, other)) ?? identity);
  const others = [...(settings.identitiesOnly ? [] : held), ...usual].filter(
    (identity, at, all) =>
      !first.some(other => sameKey(identity, other)) &&
      all.findIndex(other => sameKey(identity, other)) === at,
  );
  const steps = [
    ...keySteps(settings.user, first),
    ...passwordSteps(settings.user, settings.password),
    ...keySteps(settings.user, others),
  ];
  return plan(settings, steps, problems);
}

function plan(settings: SshSettings, steps: Step[], problems: readonly string[]): Authentication {
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
  problem: (text: string) => void,
): Promise<readonly Identity[]> {
  const keys = await Promise.all(files.map(file => keyring.file(file)));
  return keys.flatMap((key, at) => {
    if ('identity' in key) return [key.identity];
    problem(`${files[at]} ${key.problem}`);
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
