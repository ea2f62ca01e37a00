/** The looks of the elements: one sheet, whose every choice a page can change by a property. */

const CSS = `
:host {
  --_font: var(--creditbase-font, system-ui, sans-serif);
  --_text: var(--creditbase-text, light-dark(#1c2024, #edeef0));
  --_soft: var(--creditbase-soft, light-dark(#5b6068, #a9afb8));
  --_surface: var(--creditbase-surface, light-dark(#ffffff, #17191c));
  --_line: var(--creditbase-line, light-dark(#dfe2e6, #33373d));
  --_accent: var(--creditbase-accent, light-dark(#2a5bd7, #8fb0ff));
  --_accent-text: var(--creditbase-accent-text, light-dark(#ffffff, #10131a));
  --_second: var(--creditbase-second, light-dark(#0f7b6c, #5fd0bd));
  --_bad: var(--creditbase-bad, light-dark(#b3261e, #ff9d94));
  --_radius: var(--creditbase-radius, 10px);
  color-scheme: var(--creditbase-scheme, inherit);
  display: block;
  color: var(--_text);
  font: 400 1rem/1.5 var(--_font);
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
.box { background: var(--_surface); border: 1px solid var(--_line); border-radius: var(--_radius); padding: 1rem; }
h3, h4, p, dl, dd, ul, table { margin: 0; padding: 0; }
.soft { color: var(--_soft); font-size: .875rem; }
.figure { font-size: 2rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.row { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; justify-content: space-between; }
.bar { display: flex; height: .625rem; margin: .75rem 0 .5rem; border-radius: 1rem; overflow: hidden; background: var(--_line); }
.bar > i { display: block; height: 100%; flex: 0 0 auto; }
.monthly { background: var(--_accent); }
.topup { background: var(--_second); }
.key { display: inline-block; width: .625rem; height: .625rem; margin-inline-end: .4rem; border-radius: 50%; }
.notice { color: var(--_soft); }
.notice[role=alert], .bad { color: var(--_bad); }
.skeleton { height: 5rem; border-radius: calc(var(--_radius) / 2); background: var(--_line); opacity: .5; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.chart { position: relative; height: var(--creditbase-chart-height, 12rem); margin: .75rem 0; }
summary { cursor: pointer; color: var(--_accent); font-size: .875rem; }
.scroll { overflow-x: auto; max-height: 20rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--_line); text-align: end; font-weight: 400; }
th:first-child { text-align: start; }
thead th { color: var(--_soft); }
.offers { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); list-style: none; }
.offer { display: flex; flex-direction: column; gap: .35rem; border: 1px solid var(--_line); border-radius: var(--_radius); padding: 1rem; }
.offer[data-mine] { border-color: var(--_accent); }
.offer > :last-child { margin-top: auto; }
.price { font-size: 1.5rem; font-weight: 650; }
h3, h4 { font-size: 1rem; font-weight: 600; }
.title { margin: 1.25rem 0 .75rem; }
.title:first-child { margin-top: 0; }
button {
  font: inherit; font-weight: 550; cursor: pointer; min-height: 2.75rem; padding: .4rem 1rem;
  color: var(--_accent-text); background: var(--_accent); border: 1px solid transparent; border-radius: calc(var(--_radius) * .7);
}
button:disabled { opacity: .6; cursor: progress; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
@media (forced-colors: active) { .bar, .key { forced-color-adjust: none; } }
`;

let made: CSSStyleSheet | undefined;

/** Return the sheet, which all elements of a page share; a strict policy allows it. */
export function sheet(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(CSS);
  }
  return made;
}
