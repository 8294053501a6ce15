import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';

/** Word to a person: a sentence, and where to read more. */
export interface Message {
  readonly subject: string;
  readonly text: string;
}

const LIMIT_MS = 30_000;

/** Where word goes: of the flag, and of the environment, which no list of processes shows. */
export function notifyTargets(flags: readonly string[]): readonly string[] {
  return [...flags, ...(process.env.POLARPLAY_BENCH_NOTIFY ?? '').split(/\s+/)].filter(
    target => target !== '',
  );
}

/** Sends to every target; gives what failed, without the targets' secrets. */
export async function notify(targets: readonly string[], message: Message): Promise<readonly string[]> {
  const sent = await Promise.allSettled(targets.map(target => sendTo(target, message)));
  return sent.flatMap((answer, i) =>
    answer.status === 'rejected' ? [`${nameOf(targets[i]!)}: ${(answer.reason as Error).message}`] : [],
  );
}

function sendTo(target: string, message: Message): Promise<void> {
  if (target.startsWith('mailto:')) return mail(target.slice('mailto:'.length), message);
  if (/^https?:\/\//.test(target)) return post(target, message);
  return Promise.reject(new Error('expected mailto:ADDRESS or a URL'));
}

/** A target as it can be shown: paths and queries of webhooks are secrets. */
function nameOf(target: string): string {
  if (!/^https?:\/\//.test(target)) return target;
  try {
    return new URL(target).host;
  } catch {
    return 'a webhook';
  }
}

const SENDMAIL = '/usr/sbin/sendmail';

function mail(to: string, { subject, text }: Message): Promise<void> {
  // Addresses are data: a line end in one would be a header of its own.
  const line = (value: string) => value.replace(/[\r\n]+/g, ' ');
  const encoded = `=?UTF-8?B?${Buffer.from(line(subject)).toString('base64')}?=`;
  const head = [`To: ${line(to)}`, `Subject: ${encoded}`, 'Content-Type: text/plain; charset=utf-8'];
  return new Promise((resolve, reject) => {
    const child = spawn(SENDMAIL, ['-t', '-i', '-F', `polarplay (${userInfo().username})`], {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: LIMIT_MS,
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    child.on('error', error => reject(new Error(`${SENDMAIL}: ${error.message}`)));
    child.on('close', code =>
      code === 0 ? resolve() : reject(new Error(`${SENDMAIL} ended with ${code} ${said.trim()}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(`${head.join('\n')}\n\n${text}\n`);
  });
}

/** Bodies as chat services want them; `text` is what most others read. */
const BODIES: readonly { readonly host: RegExp; readonly body: (text: string) => unknown }[] = [
  {
    host: /(^|\.)(dingtalk\.com|weixin\.qq\.com)$/,
    body: text => ({ msgtype: 'text', text: { content: text } }),
  },
  {
    host: /(^|\.)(feishu\.cn|larksuite\.com)$/,
    body: text => ({ msg_type: 'text', content: { text } }),
  },
  { host: /(?:)/, body: text => ({ text }) },
];

async function post(url: string, { subject, text }: Message): Promise<void> {
  const { hostname } = new URL(url);
  const { body } = BODIES.find(b => b.host.test(hostname))!;
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body(`${subject}\n${text}`)),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  if (!reply.ok) throw new Error(`it answered ${reply.status}`);
}
