import { html, Markup } from '../../report/markup.ts';
import { bytes, type ClusterView, type NodeRow, percentUsed } from './status-view.ts';

/** What stands beside `polarplay status` in the same order: the head, what is wrong, storage, nodes. */
export function statusSections(view: ClusterView): Markup {
  return html`${verdict(view)}
<section><h2>Nodes</h2><div class="wide"><table><thead><tr><th>node</th><th>role</th><th>database</th><th>version</th><th>disks</th><th>streams</th><th class="n">lag</th><th class="n">slot keeps</th></tr></thead><tbody>${view.nodes.map(node)}</tbody></table></div></section>
<section><h2>Storage</h2><div class="wide"><table><thead><tr><th>host</th><th>nbd-server</th><th>export</th><th class="n">size</th><th class="n">PFS used</th><th class="n">PFS files</th><th>attached by</th></tr></thead><tbody>${view.storage.map(storage)}</tbody></table></div></section>`;
}

/** `cluster polar · primary rw1 (epoch 2)`, as on a terminal. */
export function statusTitle({ cluster, primary, epoch, standIn }: ClusterView): string {
  if (primary === '') return 'no role record';
  return `cluster ${cluster} · primary ${primary} (epoch ${epoch})${standIn ? ' · PostgreSQL as a STAND-IN for PolarDB' : ''}`;
}

function verdict({ problems, notes }: ClusterView): Markup {
  const head =
    problems.length === 0
      ? html`<h2 class="ok">All is well</h2>`
      : html`<h2 class="failed">Wrong: ${problems.length}</h2>`;
  return html`<section class="${problems.length === 0 ? '' : 'bad'}">${head}${list(problems)}${notes.length > 0 ? html`<h3>Worth knowing</h3>` : ''}${list(notes)}</section>`;
}

const list = (lines: readonly string[]): Markup =>
  lines.length === 0 ? new Markup('') : html`<ul>${lines.map(line => html`<li>${line}</li>`)}</ul>`;

/** States that are not as they should be. */
const BAD = new Set(['inactive', 'failed', 'silent', 'fenced', 'no', 'unknown']);
const state = (word: string): Markup =>
  word === '' ? html`-` : html`<span class="${BAD.has(word) ? 'failed' : ''}">${word}</span>`;

function node({ host, role, database, version, disks, streams, lag, kept }: NodeRow): Markup {
  const attached = disks.filter(({ service, size }) => service === 'active' && size > 0).length;
  return html`<tr><td><b>${host}</b></td><td data-name="role">${state(role)}</td><td data-name="database">${state(database)}</td><td data-name="version">${version}</td><td data-name="disks"><span class="${attached < disks.length ? 'failed' : ''}">${attached} of ${disks.length}</span></td><td data-name="streams">${state(streams)}</td><td data-name="lag" class="n">${lag === null ? '-' : bytes(lag)}</td><td data-name="slot keeps" class="n">${kept === null ? '-' : bytes(kept)}</td></tr>`;
}

function storage({ host, service, exports }: ClusterView['storage'][number]): readonly Markup[] {
  return exports.map(
    ({ name, size, pfs, attachedBy }, i) =>
      html`<tr><td>${i === 0 ? html`<b>${host}</b>` : ''}</td><td data-name="${i === 0 ? 'nbd-server' : ''}">${i === 0 ? state(service) : ''}</td><td data-name="export">${name}</td><td data-name="size" class="n">${bytes(size)}</td><td data-name="PFS used" class="n">${pfs ? `${percentUsed(pfs.blocks)} %` : '-'}</td><td data-name="PFS files" class="n">${pfs ? `${pfs.files.all - pfs.files.free} of ${pfs.files.all}` : '-'}</td><td data-name="attached by">${attachedBy.join(' ') || '-'}</td></tr>`,
  );
}
