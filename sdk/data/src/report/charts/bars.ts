import { type Html, html } from '../html.js';
import { type Axis, plot, plotWidth, px } from './plot.js';

/** One group of bars, one for each model. */
export interface BarGroup {
  readonly label: string;
  /** null draws none: there is no figure, which is not the same as 0. */
  readonly values: readonly (number | null)[];
  /** Text at the end of each bar. */
  readonly texts?: readonly string[];
  /** A range to mark on each bar, e.g. a confidence interval. */
  readonly intervals?: readonly ({ readonly low: number; readonly high: number } | null)[];
}

const barClasses = ['bar-a', 'bar-b'] as const;

/** Upright bars over groups in a row; every group is labelled unless there are more than `maxLabels`. */
export function columnChart(
  id: string,
  description: string,
  xLabel: string,
  yAxis: Axis,
  groups: readonly BarGroup[],
  options: { readonly isDiagonalDrawn?: boolean; readonly labelEvery?: number } = {},
): Html {
  const { isDiagonalDrawn = false, labelEvery = 1 } = options;
  const ticks = groups.map(({ label }, i) => ({ at: i + 0.5, text: i % labelEvery === 0 ? label : '' }));
  const xAxis = { label: xLabel, min: 0, max: groups.length, ticks };
  return plot(id, description, xAxis, yAxis, ({ x, y }) => [
    groups.map(({ values, intervals }, i) =>
      values.map((value, model) => {
        if (value === null) return null;
        const width = 0.76 / values.length;
        const left = i + 0.12 + model * width;
        const interval = intervals?.[model];
        const middle = px(x(left + width / 2));
        return html`<rect class="${barClasses[model]}" x="${px(x(left))}" y="${px(y(value))}" width="${px(x(width) - x(0))}" height="${px(Math.max(0, y(0) - y(value)))}"/>${
          interval &&
          html`<path class="whisker" d="M${middle} ${px(y(interval.low))}V${px(y(interval.high))}M${middle - 4} ${px(y(interval.low))}h8M${middle - 4} ${px(y(interval.high))}h8"/>`
        }`;
      }),
    ),
    isDiagonalDrawn &&
      html`<line class="ideal" x1="${px(x(0))}" y1="${px(y(0))}" x2="${px(x(groups.length))}" y2="${px(y(yAxis.max))}"/>`,
  ]);
}

/** Level bars, one group below the other, with label on the left and the figure at the end. */
export function levelBars(description: string, groups: readonly BarGroup[], max: number): Html {
  const models = Math.max(1, ...groups.map(({ values }) => values.length));
  const barHeight = models === 1 ? 16 : 13;
  const rowHeight = models * barHeight + 12;
  const left = 98;
  const right = plotWidth - 62;
  return html`<svg class="plot" viewBox="0 0 ${plotWidth} ${groups.length * rowHeight + 4}" role="img" aria-label="${description}">
<line class="axis" x1="${left}" x2="${left}" y1="0" y2="${groups.length * rowHeight}"/>
${groups.map(({ label, values, texts }, row) => {
  const top = row * rowHeight + 6;
  return html`<text class="tick strong" x="${left - 8}" y="${top + (models * barHeight) / 2 + 4}" text-anchor="end">${label}</text>${values.map(
    (value, model) => {
      if (value === null) return null;
      const width = px((Math.max(0, value) / max) * (right - left));
      const y = top + model * barHeight;
      return html`<rect class="${barClasses[model]}" x="${left}" y="${y}" width="${width}" height="${barHeight - 2}"/><text class="tick" x="${left + width + 6}" y="${y + barHeight - 4}">${texts?.[model]}</text>`;
    },
  )}`;
})}
</svg>`;
}
