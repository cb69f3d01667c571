/** The report's style sheet: light and dark by the reader's setting, one column on a phone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --ink: #1d2125; --soft: #5d666f; --rule: #d9dde1; --panel: #f2f4f5;
  --bad: #9b1c1c; --bad-page: #fdecea; --good: #1a6b3c;
  --c0: #c0392b; --c1: #2166ac; --c2: #1b7837; --c3: #b35806; --c4: #762a83; --c5: #00737d; --c6: #8c6d1f; --c7: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181b; --ink: #e6e8ea; --soft: #9aa3ab; --rule: #343a40; --panel: #1e2327;
    --bad: #ff9d94; --bad-page: #3b1715; --good: #7fd19b;
    --c0: #ff8a7a; --c1: #79b8ff; --c2: #7fd19b; --c3: #f0a558; --c4: #d39be6; --c5: #5fd0d8; --c6: #dcc06a; --c7: #a3abb3;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); }
code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; }
.void { border: 2px solid var(--bad); background: var(--bad-page); color: var(--bad); padding: .7rem 1rem;
  border-radius: .4rem; margin: 1rem 0; }
.void p { margin: .2rem 0; }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.key div { background: var(--panel); border-radius: .4rem; padding: .6rem .8rem; }
.key b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; } .key span { color: var(--soft); font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .2rem; overflow-wrap: anywhere; }
svg.chart { display: block; width: 100%; height: auto; }
.grid { stroke: var(--rule); stroke-width: 1; } .tick, .axis { fill: var(--soft); font: 12px system-ui, sans-serif; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 5 4; }
${Array.from({ length: 8 }, (_, i) => `.line.c${i} { stroke: var(--c${i}); } .dot.c${i} { fill: var(--c${i}); }`).join('\n')}
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1rem; padding: 0; margin: .3rem 0 0; font-size: .85rem; }
.legend svg { width: 22px; height: 8px; margin-right: .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .7rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } 
td.bad { color: var(--bad); font-weight: 600; } td.good { color: var(--good); font-weight: 600; }
td.left, th.left { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { margin: .6rem 0; } summary { cursor: pointer; }
@media (max-width: 32rem) { .tick, .axis { font-size: 14px; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
`;
