import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { gauge, statusMetrics } from '../../cluster/status/status-metrics.ts';
import type { ClusterView } from '../../cluster/status/status-view.ts';
import { messageOf } from '../../source/errors.ts';
import { visible, visibleJson } from '../../source/visible.ts';
import { type Access, type Refusal, refusalOf } from './access.ts';
import type { Latest } from './latest.ts';
import { nightsIn, type OpenReport, openReport, verifyRuns } from './reports.ts';
import { frontPage, noNights, verifyPage } from './site-pages.ts';

/** What is served. */
export interface Site {
  readonly access: Access;
  readonly status: Latest<ClusterView>;
  /** Folders with the reports of bench and of verify. */
  readonly nights: string;
  readonly verify: string;
}

/** A host may take long to answer, a person and a scrape shall not: what was known before is shown until then. */
const WAIT_MS = 9_000;

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Our pages have no script, ask nobody else and stand in nobody's frame: what got into one can do nothing either.
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

interface Answer {
  readonly code?: number;
  readonly type: string;
  readonly text: string;
}

const PAGE = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const PLAIN = 'text/plain; charset=utf-8';

/** Answers one request; whatever goes wrong, it has an end. */
export async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refusalOf(request, site.access);
  if (refusal) {
    // What else was sent is not worth reading.
    response.setHeader('Connection', 'close');
    send(response, { code: refusal.code, type: PLAIN, text: `${refusal.text}\n` }, refusal.headers);
    return;
  }
  const [path = ''] = (request.url ?? '').split('?');
  try {
    const report = await reportAt(site, path);
    if (report) await sendReport(report, request, response);
    else send(response, (await answerTo(site, path)) ?? NOTHING);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else send(response, { code: 500, type: PLAIN, text: `${visible(messageOf(error))}\n` });
  }
}

/** The file that an address names: a report, or the index that bench writes beside its reports. */
async function reportAt(site: Site, path: string): Promise<OpenReport | undefined> {
  if (path === '/nights/') return openReport(site.nights, 'index.html');
  const [, folder, name = ''] = /^\/(nights|verify)\/([^/]+)$/.exec(path) ?? [];
  return folder === undefined ? undefined : openReport(site[folder as 'nights' | 'verify'], name);
}

const NOTHING: Answer = {
  code: 404,
  type: PLAIN,
  text: 'there are /, /status.json, /reports.json, /metrics, /nights/ and /verify/\n',
};

async function answerTo(site: Site, path: string): Promise<Answer | undefined> {
  switch (path) {
    case '/': {
      const [reading, nights, runs] = await Promise.all([
        site.status.get(WAIT_MS),
        nightsIn(site.nights),
        verifyRuns(site.verify),
      ]);
      return page(frontPage(reading, nights, runs));
    }
    case '/status.json': {
      const reading = await site.status.get(WAIT_MS);
      const { value, problem } = reading;
      const asOf = value === undefined ? null : new Date(reading.at).toISOString();
      return {
        code: value === undefined ? 503 : 200,
        type: JSON_TYPE,
        text: `${visibleJson({ asOf, unread: problem ?? null, ...value }, 2)}\n`,
      };
    }
    case '/reports.json': {
      const [nights, verify] = await Promise.all([nightsIn(site.nights), verifyRuns(site.verify)]);
      return { type: JSON_TYPE, text: `${visibleJson({ nights, verify }, 2)}\n` };
    }
    case '/metrics':
      return { type: 'text/plain; version=0.0.4; charset=utf-8', text: await metrics(site) };
    case '/nights/':
      return page(noNights());
    case '/verify/':
      return page(verifyPage(await verifyRuns(site.verify)));
    default:
      return undefined;
  }
}

const page = (text: string): Answer => ({ type: PAGE, text });

/** The figures of the status; without one they are left out, and the first two metrics say why. */
async function metrics(site: Site): Promise<string> {
  const [{ value, at, problem }, nights, runs] = await Promise.all([
    site.status.get(WAIT_MS),
    nightsIn(site.nights),
    verifyRuns(site.verify),
  ]);
  const night = nights[0];
  const run = runs.find(({ accepted }) => accepted !== undefined);
  return [
    gauge('polarplay_status_read', '1 if the status could be read at the last try.', [
      [{}, problem === undefined && value !== undefined ? 1 : 0],
    ]),
    gauge(
      'polarplay_status_age_seconds',
      'How old the figures of the status are.',
      value === undefined ? [] : [[{}, Math.max(0, Math.round((Date.now() - at) / 1000))]],
    ),
    value === undefined ? '' : statusMetrics(value),
    gauge(
      'polarplay_night_timestamp_seconds',
      'When the last benchmark began.',
      night && Number.isFinite(Date.parse(night.at))
        ? [[{ profile: night.profile }, Date.parse(night.at) / 1000]]
        : [],
    ),
    gauge(
      'polarplay_night_level',
      'What the last benchmark came to.',
      night ? [[{ profile: night.profile, level: night.level }, 1]] : [],
    ),
    gauge(
      'polarplay_verify_timestamp_seconds',
      'When the last report of verify was written.',
      run ? [[{}, Math.round(run.changed / 1000)]] : [],
    ),
    gauge(
      'polarplay_verify_accepted',
      '1 if it accepted the cluster.',
      run ? [[{}, run.accepted ? 1 : 0]] : [],
    ),
  ].join('');
}

function send(
  response: ServerResponse,
  { code = 200, type, text }: Answer,
  more: Refusal['headers'] = {},
): void {
  const length = Buffer.byteLength(text);
  response.writeHead(code, { ...HEADERS, ...more, 'Content-Type': type, 'Content-Length': length });
  // Node leaves the body out for HEAD.
  response.end(text);
}

async function sendReport(
  { type, bytes, file }: OpenReport,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    response.writeHead(200, { ...HEADERS, 'Content-Type': type, 'Content-Length': bytes });
    // No more than was promised, should the file grow.
    if (method === 'HEAD' || bytes === 0) response.end();
    else await pipeline(file.createReadStream({ end: bytes - 1, autoClose: false }), response);
  } finally {
    await file.close();
  }
}
