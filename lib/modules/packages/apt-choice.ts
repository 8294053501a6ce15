import { fnmatch, isPattern } from '../../source/fnmatch.ts';
import { partAt } from '../../source/part-at.ts';
import { ModuleError } from '../kit/define.ts';
import { compareVersions } from './debian-version.ts';

/** What an author asks for: `name`, `name=1.2*`, `name>=1.2`, `name:i386`. */
export interface PackageSpec {
  readonly text: string;
  readonly name: string;
  readonly operator: '=' | '>=' | undefined;
  readonly version: string;
}

export interface Installed {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** `installed`, `config-files` (removed, not purged) and the states in between. */
  readonly status: string;
}

/** What the package lists offer. */
export interface Offer {
  readonly candidate: string | undefined;
  readonly versions: readonly string[];
}

export function parseSpec(text: string): PackageSpec {
  if (text.split('=').length > 2) throw new ModuleError(`invalid package spec: ${text}`);
  const match = /^(.*?)(>?=)(.*)$/.exec(text);
  return {
    text,
    name: match?.[1]?.trim() ?? text,
    // The pattern knows no other.
    operator: match?.[2] as PackageSpec['operator'],
    version: match?.[3]?.trim() ?? '',
  };
}

/** Rows of dpkg-query: name, architecture, version, status, divided by tabs. */
export function parseInstalled(text: string): Installed[] {
  return text.split('\n').flatMap(row => {
    const [name, architecture = '', version = '', status] = row.split('\t');
    return name && status ? [{ name, architecture, version, status }] : [];
  });
}

/** The package a spec means among those dpkg knows. */
export function findInstalled(
  known: readonly Installed[],
  name: string,
  native: string,
): Installed | undefined {
  const [base, architecture] = name.split(':');
  const here = known.filter(p => p.name === base);
  if (architecture !== undefined && architecture !== 'any')
    return here.find(p => p.architecture === architecture || p.architecture === 'all');
  return here.find(p => p.architecture === native || p.architecture === 'all') ?? here[0];
}

/** The answer of `apt-cache policy`, by package name as it was asked for. */
export function parsePolicy(text: string): Map<string, Offer> {
  const offers = new Map<string, Offer>();
  for (const block of text.split(/^(?=\S.*:$)/m)) {
    const name = /^(\S+):$/m.exec(block)?.[1];
    if (!name || !block.includes('Candidate:')) continue;
    const candidate = /^ {2}Candidate: (.*)$/m.exec(block)?.[1];
    const versions = [...block.matchAll(/^ (?:\*\*\*| {3}) (\S+) -?\d+$/gm)].map(m => partAt(m, 1));
    offers.set(name, { candidate: candidate === '(none)' ? undefined : candidate, versions });
  }
  return offers;
}

/** The version apt would install for a spec: the pinned one, or the newest that matches. */
function bestVersion(spec: PackageSpec, offer: Offer): string | undefined {
  if (spec.operator !== '=') return offer.candidate;
  if (offer.candidate !== undefined && fnmatch(spec.version).test(offer.candidate)) return offer.candidate;
  return offer.versions
    .filter(v => fnmatch(spec.version).test(v))
    .sort(compareVersions)
    .at(-1);
}

function satisfies(version: string, spec: PackageSpec): boolean {
  if (spec.operator === '=') return fnmatch(spec.version).test(version);
  return spec.operator !== '>=' || compareVersions(version, spec.version) >= 0;
}

export interface InstallRequest {
  readonly latest: boolean;
  readonly onlyUpgrade: boolean;
}

/** Whether the package lists must be read to decide about a spec; what is installed often settles it. */
export function needsOffer(
  spec: PackageSpec,
  found: Installed | undefined,
  request: InstallRequest,
): boolean {
  if (found?.status !== 'installed') return !request.onlyUpgrade;
  if (request.latest) return true;
  // A version pattern that a newer version matches too means that newer one.
  return !satisfies(found.version, spec) || (spec.operator === '=' && isPattern(spec.version));
}

/** The word to give to `apt-get install` for a spec; undefined when the host is as wanted. */
export function wordToInstall(
  spec: PackageSpec,
  found: Installed | undefined,
  offer: Offer | undefined,
  request: InstallRequest,
): string | undefined {
  const installed = found?.status === 'installed' ? found.version : undefined;
  if (installed === undefined && request.onlyUpgrade) return undefined;
  const good = installed !== undefined && satisfies(installed, spec);
  if (!offer) {
    if (good) return undefined;
    throw new ModuleError(`No package matching '${spec.name}' is available`);
  }
  const best = bestVersion(spec, offer);
  const offered = best !== undefined && satisfies(best, spec) && best !== installed ? best : undefined;
  if (offered === undefined) {
    if (good) return undefined;
    // A virtual package has no version of its own: apt picks a provider.
    if (offer.versions.length === 0 && spec.operator === undefined) return spec.name;
    throw new ModuleError(`no available installation candidate for ${spec.text}`);
  }
  if (!good || request.latest) return `${spec.name}=${offered}`;
  return spec.operator === '=' ? `${spec.name}=${offered}` : undefined;
}

/** Whether removing has work to do: installed, or with `purge` its configuration left. */
export function mustRemove(spec: PackageSpec, found: Installed | undefined, purge: boolean): boolean {
  if (!found || found.status === 'not-installed') return false;
  return found.status === 'config-files' ? purge : satisfies(found.version, spec);
}
