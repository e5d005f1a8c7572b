import { type Html, type HtmlValue, html } from '../html.js';

/** Coordinates in this module: chart units, 360 x 260 of them; the page scales the picture. */

export const plotWidth = 360;
export const plotHeight = 260;
const margin = { left: 46, right: 12, top: 12, bottom: 42 };

/** One axis: values grow to the right or upwards. */
export interface Axis {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface PlotFrame {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/**
 * A chart with axes, grid and an accessible name; what `draw` returns lies above the grid, clipped to the axes.
 * @param id unique in the page, a plain word
 * @param description one sentence for those who do not see the chart
 */
export function plot(
  id: string,
  description: string,
  xAxis: Axis,
  yAxis: Axis,
  draw: (frame: PlotFrame) => HtmlValue,
  height = plotHeight,
): Html {
  const right = plotWidth - margin.right;
  const bottom = height - margin.bottom;
  const x = (value: number) => margin.left + ((value - xAxis.min) / (xAxis.max - xAxis.min)) * (right - margin.left);
  const y = (value: number) => bottom - ((value - yAxis.min) / (yAxis.max - yAxis.min)) * (bottom - margin.top);
  return html`<svg class="plot" viewBox="0 0 ${plotWidth} ${height}" role="img" aria-label="${description}">
<clipPath id="${id}-area"><rect x="${margin.left}" y="${margin.top - 2}" width="${right - margin.left}" height="${bottom - margin.top + 3}"/></clipPath>
${yAxis.ticks.map(({ at, text }) => html`<line class="grid" x1="${margin.left}" x2="${right}" y1="${px(y(at))}" y2="${px(y(at))}"/><text class="tick" x="${margin.left - 6}" y="${px(y(at) + 4)}" text-anchor="end">${text}</text>`)}
${xAxis.ticks.map(({ at, text }) => html`<text class="tick" x="${px(x(at))}" y="${bottom + 16}" text-anchor="middle">${text}</text>`)}
<line class="axis" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
<text class="axis-label" x="${(margin.left + right) / 2}" y="${height - 6}" text-anchor="middle">${xAxis.label}</text>
<text class="axis-label" transform="translate(11 ${(margin.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${yAxis.label}</text>
<g clip-path="url(#${id}-area)">${draw({ x, y })}</g>
</svg>`;
}

/** 0 to 100 % in steps of 20 or 25. */
export function percentAxis(label: string, step = 20): Axis {
  const ticks = Array.from({ length: 100 / step + 1 }, (_, i) => ({ at: (i * step) / 100, text: String(i * step) }));
  return { label: `${label}, %`, min: 0, max: 1, ticks };
}

/** 0 to a round number not below `max`, in at most five steps of 1, 2 or 5 times a power of ten. */
export function countAxis(label: string, max: number, smallestStep = 1): Axis {
  let step = smallestStep;
  for (let i = 0; max / step > 5; i++) step *= i % 3 === 1 ? 2.5 : 2;
  const steps = Math.max(1, Math.ceil(max / step - 1e-9));
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const ticks = Array.from({ length: steps + 1 }, (_, i) => ({ at: i * step, text: (i * step).toFixed(digits) }));
  return { label, min: 0, max: steps * step, ticks };
}

/** The `d` of a line through points; points on a straight level line in between are left out. */
export function linePath({ x, y }: PlotFrame, points: readonly (readonly [x: number, y: number])[]): string {
  const kept = points.filter(([, value], i) => points[i - 1]?.[1] !== value || points[i + 1]?.[1] !== value);
  return kept.map(([px0, py0], i) => `${i === 0 ? 'M' : 'L'}${px(x(px0))} ${px(y(py0))}`).join('');
}

/** A tenth of a chart unit is finer than a pixel. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}
