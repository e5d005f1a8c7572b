/** The console's design tokens that the report uses, light and dark. A test holds them to the console's tokens.css. */
export const lightTokens = {
  '--bg': '#DCE0E4',
  '--surface': '#EEF0F2',
  '--inset': '#E3E6E9',
  '--raised': '#F8F9FA',
  '--border': '#C2C9CF',
  '--border-strong': '#727D87',
  '--text-1': '#14191E',
  '--text-2': '#3D4751',
  '--text-3': '#54606A',
  '--accent': '#2A5785',
  '--focus': '#0B57D0',
  '--data-1': '#37424C',
  '--data-2': '#66727D',
  '--data-3': '#919BA4',
  '--data-4': '#B7BFC6',
} as const;

export const darkTokens: Record<keyof typeof lightTokens, string> = {
  '--bg': '#13171A',
  '--surface': '#1C2125',
  '--inset': '#161A1E',
  '--raised': '#262C32',
  '--border': '#353D45',
  '--border-strong': '#76828D',
  '--text-1': '#E9EDF0',
  '--text-2': '#B9C2CA',
  '--text-3': '#97A3AD',
  '--accent': '#8DB7E3',
  '--focus': '#7FB4FF',
  '--data-1': '#D5DBE0',
  '--data-2': '#A3AEB7',
  '--data-3': '#76828C',
  '--data-4': '#4C565F',
};

/** Colours on pictures, the same in both themes because the picture is. */
export const pictureTokens = {
  '--box': '#DE2530',
  '--box-casing': '#FFFFFF',
  '--zone': '#2F6DB5',
  '--well': '#2A2F34',
};

const declarations = (tokens: object) =>
  Object.entries(tokens)
    .map(([name, value]) => `${name}:${value}`)
    .join(';');

/** The style sheet of reports, which the training page shares. */
export const styleSheet = `
:root{color-scheme:light;${declarations(lightTokens)};${declarations(pictureTokens)};
--font:"Inter","Inter Variable",system-ui,"Segoe UI","Noto Sans","DejaVu Sans Condensed","DejaVu Sans",sans-serif}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;${declarations(darkTokens)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text-1);font:15px/1.45 var(--font);font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1180px;margin:0 auto;padding:16px 12px 48px}
h1{font-size:26px;line-height:1.15;margin:0 0 4px;font-weight:600;overflow-wrap:anywhere}
h2{font-size:20px;line-height:1.2;margin:0 0 4px;font-weight:600}
h3{font-size:15px;margin:16px 0 4px;font-weight:600}
p{margin:6px 0;max-width:76ch}
.note{color:var(--text-3);font-size:13px}
section,header{background:var(--surface);border:1px solid var(--border);border-radius:8px;padding:16px;margin:0 0 10px}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;padding:0;margin:12px 0 0}
nav a{display:inline-block;padding:4px 0}
dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:12px 0 0}
dl.facts dt{color:var(--text-3)}dl.facts dd{margin:0;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:12px 0;padding:0;list-style:none}
.tiles li{background:var(--raised);border:1px solid var(--border);border-radius:5px;padding:10px 12px}
.tiles b{display:block;font-size:26px;line-height:1.2;font-weight:600}
.tiles b small{font-size:15px;font-weight:400;color:var(--text-3)}
.tiles span{display:block;font-size:13px;color:var(--text-3)}.tiles span.name{color:var(--text-2)}
.pair{display:grid;gap:12px 24px;margin-top:8px;align-items:start}
.pair>*{min-width:0}
@media (min-width:900px){.pair{grid-template-columns:minmax(0,480px) minmax(0,1fr)}}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:13px;width:100%}
caption{text-align:left;color:var(--text-3);padding:0 0 4px;font-size:13px}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid var(--border);white-space:nowrap;font-weight:400}
thead th{background:var(--inset);color:var(--text-2);border-bottom:1px solid var(--border-strong);vertical-align:bottom}
tbody th,thead th:first-child{text-align:left}
tbody th .note{white-space:normal}
.narrow{max-width:640px}
td:has(>.message){text-align:left;white-space:normal;min-width:320px;overflow-wrap:anywhere}
td.text{text-align:left;white-space:normal;min-width:180px}
tr.chosen>*{background:var(--raised);font-weight:600;border-top:1px solid var(--border-strong);border-bottom:1px solid var(--border-strong)}
td.diagonal{outline:1px solid var(--border-strong);outline-offset:-2px;font-weight:600}
td.zero{color:var(--text-3)}
svg.plot{display:block;width:100%;max-width:480px;height:auto}
.plot text{font:12px var(--font);fill:var(--text-2);font-variant-numeric:tabular-nums}
.plot .strong{fill:var(--text-1)}.plot .axis-label{fill:var(--text-3)}
.plot .curve-label{fill:var(--text-1);paint-order:stroke;stroke:var(--surface);stroke-width:4px}
.grid{stroke:var(--data-4);stroke-width:.6}.axis{stroke:var(--border-strong);stroke-width:1}
.curve{fill:none;stroke:var(--data-2);stroke-width:1.1}.curve.lead{stroke:var(--data-1);stroke-width:2.2}
.curve.b{stroke:var(--accent);stroke-dasharray:6 4}.curve.lead.b{stroke:var(--accent)}
.off{display:none}
.bar-a{fill:var(--data-2)}.bar-b{fill:var(--accent)}
.whisker{fill:none;stroke:var(--text-1);stroke-width:1.2}.ideal{stroke:var(--text-1);stroke-width:1;stroke-dasharray:2 3}
.marker{stroke:var(--text-1);stroke-width:1;stroke-dasharray:1 3}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;padding:0;margin:6px 0;font-size:13px;color:var(--text-2)}
.key svg{vertical-align:middle;margin-right:6px}
.key .casing{stroke:var(--box-casing)}
.switch{display:flex;flex-wrap:wrap;gap:8px 16px;margin:8px 0;font-size:13px}
.switch[hidden]{display:none}
select{font:inherit;font-size:15px;min-height:40px;max-width:100%;padding:0 8px;background:var(--raised);color:var(--text-1);border:1px solid var(--border-strong);border-radius:5px}
.switch label{display:grid;gap:2px;color:var(--text-2)}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(250px,100%),1fr));gap:12px;margin:12px 0 0}
figure{margin:0;background:var(--raised);border:1px solid var(--border);border-radius:5px;overflow:hidden;break-inside:avoid}
figure svg{display:block;width:100%;height:auto;background:var(--well)}
figure image{image-rendering:pixelated}
figure .both{display:grid;grid-template-columns:1fr 1fr;gap:2px}
figcaption{padding:8px 10px;font-size:13px;color:var(--text-2);overflow-wrap:anywhere}
figcaption b{color:var(--text-1);font-weight:600}
.casing{fill:none;stroke:var(--box-casing);vector-effect:non-scaling-stroke;stroke-width:5}
.truth,.call{fill:none;vector-effect:non-scaling-stroke;stroke-width:2.5}
.truth{stroke:var(--zone);stroke-dasharray:7 4}.call{stroke:var(--box)}
.aside{opacity:.75}.aside.casing{stroke-width:3.5}.aside.truth,.aside.call{stroke-width:1.5}
.model-key{display:inline-grid;place-items:center;min-width:1.5em;padding:0 4px;border:1px solid var(--border-strong);border-radius:3px;font-weight:600;margin-right:6px;font-size:.8em}
@media (max-width:480px){body{font-size:15px}main{padding:8px 8px 32px}section,header{padding:12px}h1{font-size:20px}.tiles{grid-template-columns:1fr 1fr}.tiles b{font-size:20px}dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:6px}}
@media print{@page{margin:12mm}:root{--bg:#fff;--surface:#fff;--raised:#fff;--inset:#fff}body{font-size:11px}main{max-width:none;padding:0}nav,.switch{display:none}section,header{border:0;border-top:1px solid var(--border);border-radius:0;padding:8px 0}.pair{grid-template-columns:minmax(0,300px) minmax(0,1fr)}.scroll{overflow:visible}h2{break-after:avoid}tr,svg.plot{break-inside:avoid}.gallery{grid-template-columns:repeat(4,1fr)}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
