/** What the pages of verify and bench share: type, cards, tables, and colours that hold in light and dark. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#626c7a;--line:#e3e7ec;--good:#1a8a4a;--bad:#c9302c;--warn:#b07a0c;--series1:#2f6fde;--series2:#12a594;--series3:#e5862b;--series4:#8e4ec6;--series5:#d6409f}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--dim:#98a3b1;--line:#2a323d;--good:#3fbf77;--bad:#f0655f;--warn:#dba53a;--series1:#6ea0ff;--series2:#2fc9b6;--series3:#f5a55a;--series4:#b98ae6;--series5:#f07cc4}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.5rem;margin:0 0 .3rem}header p{margin:0;color:var(--dim)}
ul{list-style:none;margin:1rem 0;padding:0}section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:1rem 0;padding:1rem 1.25rem}
h2{font-size:1.05rem;margin:0 0 .8rem}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:.35rem .7rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}tr:first-child>td,tr:first-child>th{border-top:0}th{color:var(--dim);font-weight:500;font-size:.86rem}td.n,th.n{text-align:right}
`;
