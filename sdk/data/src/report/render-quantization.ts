import { type Axis, plot, px } from './charts/plot.js';
import { decimal, percent, points, signed, whole } from './format.js';
import { type Html, html } from './html.js';
import { page } from './page.js';
import { figureTable } from './table.js';

/** A float model, its integer version and what each layer does alone. */
export interface QuantizationRecord {
  readonly model: string;
  readonly target: string;
  /** How ranges were chosen, and from what. */
  readonly calibration: string;
  /** COCO figures, fractions; `AP`, `AP50`, `AP75` are shown. */
  readonly float: Readonly<Record<string, number>>;
  readonly int8: Readonly<Record<string, number>>;
  /** Points of 100. */
  readonly drop: number;
  readonly maxDrop: number;
  readonly passed: boolean;
  readonly keptFloat: readonly string[];
  /** Each layer quantized alone: signal to noise ratio of its output in dB, AP of the detector. */
  readonly layers: readonly { readonly name: string; readonly sqnrDb: number; readonly ap: number }[];
  /** Frame rate over the float model's; null when nothing passed. */
  readonly speedup: number | null;
}

/** Layers that are named in the plot, where their names do not cover one another. */
const namedLayers = 6;

/**
 * One quantization as one HTML file that loads nothing: figures of both models, and each layer's noise against its cost.
 * @param quantizedAt when, as it shall be printed
 */
export function renderQuantization(record: QuantizationRecord, quantizedAt: string): string {
  const { model, target, calibration, float, int8, drop, maxDrop, passed, keptFloat, layers, speedup } = record;
  const title = `Quantization of ${model}`;
  const verdict = `${passed ? 'passed' : 'refused'}: AP drops by ${decimal(drop)} points, at most ${maxDrop} are allowed`;
  const facts = [
    ['Gate', verdict],
    ['Target', target],
    ['Calibration', calibration],
    ['Layers in integers', `${whole(layers.length - keptFloat.length)} of ${whole(layers.length)}`],
    [
      'Frame rate',
      speedup === null
        ? 'not measured: nothing passed'
        : `${decimal(speedup)} times the float model's, on the machine that quantized`,
    ],
    ['Quantized', quantizedAt],
  ] as const;
  const rows = ['AP', 'AP50', 'AP75'].map((name) => ({
    head: name,
    cells: [percent(float[name] ?? null), percent(int8[name] ?? null), points(float[name] ?? null, int8[name] ?? null)],
  }));
  return page(title, [
    html`<header><h1>${title}</h1><dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></header>`,
    html`<section id="figures"><h2>Float and integers</h2>${figureTable('COCO figures on the gate data', ['Figure', 'Float', 'Integers', 'Points'], rows)}</section>`,
    layersSection(record),
  ]);
}

function layersSection({ float, layers, keptFloat }: QuantizationRecord): Html {
  const kept = new Set(keptFloat);
  const lost = (ap: number) => 100 * (float.AP! - ap);
  const sorted = [...layers].sort((a, b) => a.ap - b.ap || a.sqnrDb - b.sqnrDb);
  const rows = sorted.map(({ name, sqnrDb, ap }) => ({
    head: name,
    cells: [noise(sqnrDb), percent(ap, 2), signed(-lost(ap), 2), kept.has(name) ? 'float' : 'integers'],
  }));
  return html`<section id="layers"><h2>Layers</h2>
<p>Each layer alone in integers, all others float. A layer that is loud and costs nothing is read by a part that forgives it; a quiet one that costs much feeds boxes or scores. A tenth of a point is chance.</p>
<div class="pair">${layerPlot(sorted.map(({ name, sqnrDb, ap }) => ({ name, sqnrDb, lost: lost(ap), isKept: kept.has(name) })))}</div>
${figureTable('Most harmful first', ['Layer', 'SQNR, dB', 'AP', 'Points', 'In the model'], rows)}</section>`;
}

interface LayerPoint {
  readonly name: string;
  readonly sqnrDb: number;
  /** Points of AP. */
  readonly lost: number;
  readonly isKept: boolean;
}

/** @param layers most harmful first */
function layerPlot(layers: readonly LayerPoint[]): Html {
  const finite = layers.filter(({ sqnrDb }) => Number.isFinite(sqnrDb));
  const x = spanAxis(
    'Signal to quantization noise of the output, dB',
    finite.map(({ sqnrDb }) => sqnrDb),
  );
  // The figures at the axis stay short in one of the two units.
  const [unit, factor] = finite.some(({ lost }) => lost >= 2)
    ? (['points', 1] as const)
    : (['1/100 point', 100] as const);
  const y = spanAxis(`AP lost, ${unit}`, [0, 0.1 * factor, ...finite.map(({ lost }) => factor * lost)]);
  const labelled: number[] = [];
  const description = `AP lost against signal to noise ratio of ${layers.length} layers; most is lost by ${layers[0]?.name ?? 'none'}`;
  return plot('layers', description, x, y, (frame) => [
    html`<line class="ideal" x1="${px(frame.x(x.min))}" x2="${px(frame.x(x.max))}" y1="${px(frame.y(0))}" y2="${px(frame.y(0))}"/>`,
    finite.map(({ name, sqnrDb, lost, isKept }, i) => {
      const [cx, cy] = [px(frame.x(sqnrDb)), px(frame.y(factor * lost))];
      const isLeft = sqnrDb > (x.min + x.max) / 2;
      const hasRoom = i < namedLayers && labelled.every((other) => Math.abs(other - cy) > 13);
      if (hasRoom) labelled.push(cy);
      return html`<circle class="${isKept ? 'bar-b' : 'bar-a'}" cx="${cx}" cy="${cy}" r="3.5"><title>${name}: ${noise(sqnrDb)} dB, ${decimal(lost)} points</title></circle>${
        hasRoom &&
        html`<text class="tick" x="${cx + (isLeft ? -6 : 6)}" y="${cy + 4}" text-anchor="${isLeft ? 'end' : 'start'}">${name}</text>`
      }`;
    }),
  ]);
}

/** An axis over all values in at most six steps of 1, 2 or 5 times a power of ten. */
function spanAxis(label: string, values: readonly number[]): Axis {
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1];
  let step = 10 ** Math.floor(Math.log10(Math.max(high - low, 1) / 6));
  for (let i = 0; (high - low) / step > 6; i++) step *= i % 3 === 1 ? 2.5 : 2;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => ({
    at: (first + i) * step,
    text: ((first + i) * step).toFixed(digits),
  }));
  return { label, min: first * step, max: last * step, ticks };
}

function noise(sqnrDb: number): string {
  return Number.isFinite(sqnrDb) ? decimal(sqnrDb, 1) : 'no noise';
}
