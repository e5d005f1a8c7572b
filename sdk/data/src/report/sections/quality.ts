import { type AnalysedModel, columnHead, keyPrefix, modelKey } from '../analysed-model.js';
import type { SizeRange } from '../analysis/index.js';
import { columnChart } from '../charts/bars.js';
import { countAxis, percentAxis } from '../charts/plot.js';
import { counted, decimal, noFigure, percent, scoreText, whole } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';

/** Whether a score means what it says. */
export function calibrationSection(models: readonly AnalysedModel[]): Html {
  const calibrations = models.map(({ analysis }) => analysis.calibration);
  const groups = calibrations[0]!.bins.map(({ low }, i) => ({
    label: low.toFixed(1),
    values: calibrations.map(({ bins }) => bins[i]!.precision),
  }));
  const words = models
    .map((model, m) => {
      const { expectedCalibrationError: error, count } = calibrations[m]!;
      return error === null
        ? `${keyPrefix(model)}there are no detections`
        : `${keyPrefix(model)}scores differ from the share of right calls by ${(100 * error).toFixed(1)} points on average (expected calibration error over ${counted(count, 'detection')})`;
    })
    .join('; ');
  const heads = [
    'Score',
    ...models.map((model) => columnHead(model, 'Detections')),
    ...models.map((model) => columnHead(model, 'Mean score')),
    ...models.map((model) => columnHead(model, 'Right')),
  ];
  const rows = calibrations[0]!.bins.map(({ low, high }, i) => ({
    head: `${low.toFixed(1)}–${high.toFixed(1)}`,
    cells: [
      ...calibrations.map(({ bins }) => whole(bins[i]!.count)),
      ...calibrations.map(({ bins }) => decimal(bins[i]!.meanScore)),
      ...calibrations.map(({ bins }) => percent(bins[i]!.precision)),
    ],
  }));
  const chart = columnChart(
    'calibration',
    `Share of right calls by score: ${words}.`,
    'Score, ranges of 0.1 from',
    percentAxis('Right calls'),
    groups,
    { isDiagonalDrawn: true },
  );
  return html`<section id="calibration"><h2>Does the score mean what it says?</h2>
<p>${words.charAt(0).toUpperCase()}${words.slice(1)}. If scores were probabilities, the bars would end at the dotted line: of calls with score 0.8, 80 % would be right at IoU 0.50. Bars below the line: the model is too sure; above: it is too modest. A production line can use a badly calibrated score, but a threshold then says nothing about how many calls are right.</p>
<div class="pair"><div>${modelKey(models, 'bar')}${chart}</div><div>${figureTable('Right: found a defect at IoU 0.50', heads, rows)}</div></div></section>`;
}

/** Which sizes are missed. */
export function sizesSection(models: readonly AnalysedModel[]): Html | null {
  const sizes = models.map(({ analysis }) => analysis.sizes);
  if (sizes[0]!.length === 0) return null;
  const groups = sizes[0]!.map((range, i) => ({
    label: String(range.lowPx),
    values: sizes.map((list) => list[i]!.recall),
    intervals: sizes.map((list) => list[i]!.interval),
  }));
  const heads = [
    'Box side, px',
    'Defects',
    ...models.map((model) => columnHead(model, 'Found')),
    ...models.map((model) => columnHead(model, 'Recall (95 % interval)')),
  ];
  const rows = sizes[0]!.map((range, i) => ({
    head: rangeText(range),
    cells: [
      whole(range.count),
      ...sizes.map((list) => whole(list[i]!.found)),
      ...sizes.map((list) => recallText(list[i]!)),
    ],
  }));
  const chart = columnChart(
    'sizes',
    `Recall by box side: ${sizes[0]!.map((range) => `${rangeText(range)} px ${percent(range.recall)}`).join(', ')}.`,
    'Box side, px, from',
    percentAxis('Recall'),
    groups,
  );
  return html`<section id="sizes"><h2>Recall by size</h2>
<p>Share of the defects found at the score threshold (${thresholds(models)}), by the side of their boxes: the square root of width times height in px of the stored image. The whiskers are 95 % intervals: where they are long, there are few defects and the bar says little.</p>
<div class="pair"><div>${modelKey(models, 'bar')}${chart}</div><div>${figureTable('Matched at IoU 0.50', heads, rows)}</div></div></section>`;
}

function rangeText({ lowPx, highPx }: SizeRange): string {
  return Number.isFinite(highPx) ? `${lowPx}–${highPx}` : `from ${lowPx}`;
}

/** `94.0 % (89–97)`, or a dash for a range without a defect. */
function recallText({ recall, interval }: SizeRange): string {
  if (!interval) return noFigure;
  return `${percent(recall)} (${(100 * interval.low).toFixed(0)}–${(100 * interval.high).toFixed(0)})`;
}

const thresholds = (models: readonly AnalysedModel[]) =>
  models.map((model) => `${keyPrefix(model)}${scoreText(model.record.scoreThreshold)}`).join(', ');

/** How well boxes fit. */
export function localisationSection(models: readonly AnalysedModel[]): Html {
  const histograms = models.map(({ analysis }) => analysis.localisation);
  const shares = histograms.map(({ bins, count }) => bins.map((bin) => (count > 0 ? bin.count / count : null)));
  const words = models
    .map((model, m) => {
      const { medianIou, meanIou, count } = histograms[m]!;
      return medianIou === null
        ? `${keyPrefix(model)}no defect was found`
        : `${keyPrefix(model)}half of the ${counted(count, 'right box', 'right boxes')} overlap their defect by ${decimal(medianIou)} or more (mean ${decimal(meanIou)})`;
    })
    .join('; ');
  const max = Math.max(0.05, ...shares.flat().map((share) => share ?? 0));
  const axis = countAxis('Share of right boxes, %', 100 * max, 5);
  const groups = histograms[0]!.bins.map(({ low }, i) => ({
    label: low.toFixed(2),
    values: shares.map((list) => (list[i] === null ? null : 100 * list[i]!)),
  }));
  const heads = [
    'IoU',
    ...models.map((model) => columnHead(model, 'Boxes')),
    ...models.map((model) => columnHead(model, 'Share')),
  ];
  const rows = histograms[0]!.bins.map(({ low, high }, i) => ({
    head: `${low.toFixed(2)}–${high.toFixed(2)}`,
    cells: [...histograms.map(({ bins }) => whole(bins[i]!.count)), ...shares.map((list) => percent(list[i]!))],
  }));
  const chart = columnChart('fit', `Distribution of the IoU of right boxes: ${words}.`, 'IoU, from', axis, groups, {
    labelEvery: 2,
  });
  return html`<section id="fit"><h2>How well boxes fit</h2><p>${words.charAt(0).toUpperCase()}${words.slice(1)}. IoU is the shared area over the joint area of box and label; 1 is the same box. On defects of a few pixels, one pixel costs much IoU.</p>
<div class="pair"><div>${modelKey(models, 'bar')}${chart}</div><div>${figureTable('Boxes that found a defect, from the score threshold on', heads, rows)}</div></div></section>`;
}
