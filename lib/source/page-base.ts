/** What all pages share: type, cards, tables, and colours that hold in light and dark. */
export const PAGE_BASE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#5d6775;--line:#e3e7ec;--good:#1a7f43;--bad:#b92b27;--warn:#8a5b00}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--dim:#9aa5b3;--line:#2a323d;--good:#4cc483;--bad:#f4726c;--warn:#e0ac4b}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.5rem;margin:0 0 .3rem}header p{margin:0;color:var(--dim)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:1rem 0;padding:1rem 1.25rem}h2{font-size:1.05rem;margin:0 0 .8rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}td,th{padding:.35rem .7rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}
`;
