import { type Html, type HtmlValue, html } from './html.js';

export interface TableRow {
  readonly head: HtmlValue;
  readonly cells: readonly HtmlValue[];
  /** The row of the threshold in use. */
  readonly isChosen?: boolean;
}

/** A table of figures that scrolls inside its own box when it is wider than the page. */
export function figureTable(caption: string, heads: readonly string[], rows: readonly TableRow[]): Html {
  return html`<div class="scroll${heads.length < 5 && ' narrow'}" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({ head, cells, isChosen }) =>
      html`<tr${isChosen && html` class="chosen"`}><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}
