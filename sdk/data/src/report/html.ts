/** Markup that is safe to put into a page as it is. Only {@link html} and {@link trusted} make one. */
export class Html {
  constructor(readonly text: string) {}
}

export type HtmlValue = string | number | Html | null | undefined | false | readonly HtmlValue[];

/**
 * Template for markup. Every value is escaped, for text and for attributes in double quotes alike, unless it is markup
 * itself; lists are joined; null, undefined and false leave nothing.
 * @example html`<td title="${name}">${count}</td>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.map((part, i) => (i < values.length ? part + render(values[i]) : part)).join(''));
}

/** Markup from the program's own sources, such as the style sheet. Never for text that comes from data. */
export function trusted(text: string): Html {
  return new Html(text);
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
