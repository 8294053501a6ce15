import { Markup } from './markup.ts';

/** Type, cards, tables and colours that hold in light, dark, on a phone and on paper. */
export const PAGE_STYLE = new Markup(`
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#5d6775;--line:#e3e7ec;--ok:#1a7f43;--bad:#b92b27;--changed:#8a5b00;--unknown:#2f62b5}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--dim:#9aa5b3;--line:#2a323d;--ok:#4cc483;--bad:#f4726c;--changed:#e0ac4b;--unknown:#85aef5}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.5rem;margin:0 0 .3rem}header p{margin:0;color:var(--dim)}
section{overflow-wrap:anywhere;background:var(--card);border:1px solid var(--line);border-radius:10px;margin:1rem 0;padding:1rem 1.25rem}section.bad{border-color:var(--bad)}
h2{font-size:1.05rem;margin:0 0 .8rem}h3{font-size:.95rem;margin:.8rem 0 0}p{margin:.25rem 0}ul{margin:0;padding-left:1.2rem}
.wide{overflow-x:auto}table{overflow-wrap:normal;border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:.35rem .7rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}thead th{border-top:0;color:var(--dim);font-weight:500;font-size:.86rem}.n{text-align:right;white-space:nowrap}
pre{overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--bg);border-radius:6px;padding:.6rem .8rem;margin:.4rem 0;font:13px/1.45 ui-monospace,monospace}
.dim{color:var(--dim)}.ok{color:var(--ok)}.failed,.unreachable,.removed{color:var(--bad)}.changed{color:var(--changed)}.unknown{color:var(--unknown)}.added{color:var(--ok)}
.tag{border:1px solid var(--unknown);color:var(--unknown);border-radius:6px;padding:0 .4rem;font-size:.8rem;vertical-align:middle}summary{cursor:pointer}
.row{display:grid;grid-template-columns:minmax(5rem,11rem) 1fr;gap:.8rem;align-items:center;margin:.2rem 0}.row>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.track{position:relative;height:1.1rem;background:var(--bg);border-radius:4px;overflow:hidden}.track i{position:absolute;top:0;bottom:0;min-width:1px;background:currentColor;opacity:.75;border-right:1px solid var(--card)}
.scale{display:flex;justify-content:space-between;font-size:.8rem}
@media(max-width:40rem){main{padding:1rem .6rem}section{padding:.8rem}.row{grid-template-columns:5rem 1fr}}
@media print{body{background:#fff;font-size:11px}section{border-color:#999}article,.times,tr{break-inside:avoid-page}h2{break-after:avoid-page}.wide{overflow:visible}td,th{padding:.25rem .35rem}td,thead th{font-size:9.5px}details::details-content{content-visibility:visible;height:auto}pre{font-size:9.5px}.track i{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`);
