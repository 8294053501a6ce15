import { didYouMean } from '../../source/suggest.ts';
import { matchesPatterns } from './patterns.ts';

/** What OpenSSH's configuration says and this program does. */
const HONOURED = new Set(
  `addressfamily bindaddress casignaturealgorithms certificatefile ciphers connectionattempts connecttimeout
  globalknownhostsfile hashknownhosts hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile
  ignoreunknown include kbdinteractiveauthentication kexalgorithms macs numberofpasswordprompts passwordauthentication port
  preferredauthentications proxycommand proxyjump pubkeyacceptedalgorithms pubkeyauthentication refuseconnection
  requiredrsasize revokedhostkeys serveralivecountmax serveraliveinterval stricthostkeychecking tag user
  userknownhostsfile`
    .split(/\s+/)
    .filter(Boolean),
);

/** Keywords with exactly one word behind them. */
export const ONE_WORD: ReadonlySet<string> = new Set(
  [...HONOURED].filter(
    name => !['globalknownhostsfile', 'include', 'proxycommand', 'userknownhostsfile'].includes(name),
  ),
);

/** Other names of keywords. */
const ALIASES: Readonly<Record<string, string>> = {
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  skeyauthentication: 'kbdinteractiveauthentication',
  tisauthentication: 'kbdinteractiveauthentication',
  pubkeyacceptedkeytypes: 'pubkeyacceptedalgorithms',
  dsaauthentication: 'pubkeyauthentication',
  hostbasedkeytypes: 'hostbasedacceptedalgorithms',
  identityfile2: 'identityfile',
  globalknownhostsfile2: 'globalknownhostsfile',
  userknownhostsfile2: 'userknownhostsfile',
};

/**
 * Left alone, since without them a connection is as safe, or safer: ways to log in that are not tried, forwardings that
 * are not made, trust that is not given, terminals, multiplexing, and how much ssh says.
 */
const HARMLESS = new Set(
  `addkeystoagent afstokenpassing batchmode canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
  canonicalizepermittedcnames channeltimeout checkhostip cipher clearallforwardings compression compressionlevel
  controlmaster controlpath controlpersist dynamicforward enableescapecommandline enablesshkeysign escapechar
  exitonforwardfailure fallbacktorsh fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout
  forwardx11trusted gatewayports gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms
  gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns hostbasedacceptedalgorithms
  hostbasedauthentication ipqos kbdinteractivedevices keepalive kerberosauthentication kerberostgtpassing localcommand
  localforward loglevel logverbose nohostauthenticationforlocalhost obscurekeystroketiming permitremoteopen pkcs11provider
  protocol remoteforward requesttty rhostsauthentication rhostsrsaauthentication rsaauthentication securitykeyprovider
  sendenv sessiontype setenv smartcarddevice stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility
  tcpkeepalive tunneldevice updatehostkeys usekeychain useprivilegedport useroaming usersh verifyhostkeydns
  versionaddendum visualhostkey warnweakcrypto xauthlocation`
    .split(/\s+/)
    .filter(Boolean),
);

/** Would change who is trusted, where a connection leads or what runs, and are not done: only these values pass. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  bindinterface: [],
  canonicalizehostname: ['no', 'false'],
  knownhostscommand: ['none'],
  permitlocalcommand: ['no', 'false'],
  proxyusefdpass: ['no', 'false'],
  rekeylimit: ['default', 'default none'],
  remotecommand: ['none'],
  tunnel: ['no', 'false'],
};

/** The keyword's usual name in lower case. */
export function keywordOf(name: string): string {
  const lower = name.toLowerCase();
  return ALIASES[lower] ?? lower;
}

/** Why a line of ssh's configuration keeps a connection from being made; undefined when it does not. */
export function refusalOf(name: string, value: string, ignored: readonly string[]): string | undefined {
  const keyword = keywordOf(name);
  if (HONOURED.has(keyword) || HARMLESS.has(keyword)) return undefined;
  const passes = Object.hasOwn(REFUSED, keyword) ? REFUSED[keyword] : undefined;
  if (passes) return passes.includes(value.toLowerCase()) ? undefined : `${name} ${value} is not supported`;
  if (matchesPatterns(ignored, keyword)) return undefined;
  const near = didYouMean(keyword, [...HONOURED, ...HARMLESS, ...Object.keys(REFUSED)]);
  return `${name} is not a known keyword of ssh_config${near ? ` (${near})` : ''}`;
}
