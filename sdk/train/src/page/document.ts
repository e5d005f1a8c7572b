import { html, styleSheet } from '@plumbline/data/report';

/** The page before its script runs. */
export const documentHtml = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plumbline training</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/uplot.css"><link rel="stylesheet" href="/page.css">
<script defer src="/uplot.js"></script><script type="module" src="/main.js"></script></head>
<body><main>
<header>
<h1 id="title">Training</h1>
<p id="status" role="status">Connecting to the training process.</p>
<progress id="progress" aria-label="Steps done" max="1" value="0"></progress>
<ul class="tiles" id="tiles"></ul>
<dl class="facts" id="facts"></dl>
</header>
<section aria-labelledby="curves-title"><h2 id="curves-title">Curves</h2>
<p class="note">Thin: each step. Thick: mean over the steps before. Point at a curve to read the same step in all of them.</p>
<div id="curves" class="curves"></div></section>
<section aria-labelledby="pictures-title"><h2 id="pictures-title">Predictions</h2>
<p class="note" id="pictures-note"></p>
<p class="threshold"><label for="threshold">Lowest score shown</label>
<input id="threshold" type="range" min="0.05" max="0.95" step="0.05" value="0.5"><output for="threshold" id="threshold-value"></output></p>
<ul class="key"><li><svg width="26" height="10" aria-hidden="true"><path class="truth" d="M1 5H25"/></svg>labelled</li><li><svg width="26" height="10" aria-hidden="true"><path class="call" d="M1 5H25"/></svg>called by the model</li></ul>
<div id="pictures" class="gallery"></div></section>
</main></body></html>
`.text;

/** The reports' style sheet and what only this page has. */
export const pageCss = `${styleSheet}
main{max-width:1440px}
#status[data-state=lost]{color:var(--text-1);font-weight:600}
progress{width:100%;height:10px;accent-color:var(--accent)}
.curves{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(400px,100%),1fr));gap:10px;margin-top:10px}
.curves figure{padding:8px 10px}
.curves figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 12px;padding:0 0 6px;font-size:13px}
.curves .values{display:flex;flex-wrap:wrap;gap:2px 12px}
.curves .values svg{display:inline-block;width:22px;background:none;vertical-align:middle;margin-right:4px}
.curves .values path{stroke:var(--data-1);fill:none}
.curves .empty{height:170px;display:grid;place-items:center;margin:0;color:var(--text-3);font-size:13px}
.threshold{display:flex;align-items:center;gap:12px;font-size:13px;color:var(--text-2)}
.threshold input{width:220px;min-height:40px;accent-color:var(--accent)}
.gallery{grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr))}
.gallery svg text{font:600 13px var(--font);fill:#fff;paint-order:stroke;stroke:var(--box);stroke-width:4px;stroke-linejoin:round}
.uplot{font-family:var(--font)}
`;
