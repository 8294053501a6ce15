import { PAGE_BASE } from '../source/page-base.ts';

/** What the pages of the benchmarks share besides: colours of series. */
export const PAGE_STYLE = `${PAGE_BASE}
:root{--series1:#2f6fde;--series2:#12a594;--series3:#e5862b;--series4:#8e4ec6;--series5:#d6409f}
@media(prefers-color-scheme:dark){:root{--series1:#6ea0ff;--series2:#2fc9b6;--series3:#f5a55a;--series4:#b98ae6;--series5:#f07cc4}}
ul{list-style:none;margin:1rem 0;padding:0}tr:first-child>td,tr:first-child>th{border-top:0}th{color:var(--dim);font-weight:500;font-size:.86rem}td.n,th.n{text-align:right}
`;
