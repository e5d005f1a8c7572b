import { type HtmlValue, html, trusted } from './html.js';
import { styleSheet } from './theme.js';

/** A whole document that loads nothing. @param script source of the program's own script, if the page has one */
export function page(title: string, parts: readonly HtmlValue[], script?: string): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title><style>${trusted(styleSheet)}</style></head>
<body><main>
${parts}
</main>${script && html`<script>${trusted(script)}</script>`}</body></html>
`.text;
}
