import { PAGE_BASE } from '../source/page-base.ts';
import { Markup } from './markup.ts';

/** The pages of runs: in light, in dark, on a phone and on paper. */
export const PAGE_STYLE = new Markup(`${PAGE_BASE}
:root{--ok:var(--good);--changed:var(--warn);--unknown:#2f62b5}
@media(prefers-color-scheme:dark){:root{--unknown:#85aef5}}
section{overflow-wrap:anywhere}section.bad{border-color:var(--bad)}
h3{font-size:.95rem;margin:.8rem 0 0}p{margin:.25rem 0}ul{margin:0;padding-left:1.2rem}
.wide{overflow-x:auto}table{overflow-wrap:normal}
thead th{border-top:0;color:var(--dim);font-weight:500;font-size:.86rem}.n{text-align:right;white-space:nowrap}tbody th{white-space:nowrap}
pre{overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--bg);border-radius:6px;padding:.6rem .8rem;margin:.4rem 0;font:13px/1.45 ui-monospace,monospace}
.dim{color:var(--dim)}.ok{color:var(--ok)}.failed,.unreachable,.removed{color:var(--bad)}.changed{color:var(--changed)}.unknown{color:var(--unknown)}.added{color:var(--ok)}
.tag{border:1px solid var(--unknown);color:var(--unknown);border-radius:6px;padding:0 .4rem;font-size:.8rem;vertical-align:middle}summary{cursor:pointer}
.row{display:grid;grid-template-columns:minmax(5rem,11rem) 1fr;gap:.8rem;align-items:center;margin:.2rem 0}.row>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.track{position:relative;height:1.1rem;background:var(--bg);border-radius:4px;overflow:hidden}.track i{position:absolute;top:0;bottom:0;min-width:1px;background:currentColor;opacity:.75;border-right:1px solid var(--card)}
.scale{display:flex;justify-content:space-between;font-size:.8rem}
@media(max-width:40rem){main{padding:1rem .6rem}section{padding:.8rem}.row{grid-template-columns:5rem 1fr}}
@media print{body{background:#fff;font-size:11px}section{border-color:#999}article,.times,tr,details{break-inside:avoid-page}h2{break-after:avoid-page}.wide{overflow:visible}td,th{padding:.25rem .35rem}td,thead th{font-size:9.5px}details::details-content{content-visibility:visible;height:auto}pre{font-size:9.5px}.track i{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`);
