import { type AnalysedModel, keyPrefix } from '../analysed-model.js';
import type { OperatingPoint } from '../analysis/index.js';
import { type Axis, countAxis, linePath, plot, px } from '../charts/plot.js';
import { counted, percent, perHundred, scoreText, signed, whole } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';

const scoreAxis: Axis = {
  label: 'Score threshold',
  min: 0,
  max: 1,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1].map((at) => ({ at, text: at.toFixed(1) })),
};

/** What a line would see at other score thresholds. */
export function operatingSection(models: readonly AnalysedModel[]): Html {
  const { operating } = models[0]!.analysis;
  const parts =
    operating.okParts === 0
      ? ' Every image has a defect, so overkill (OK parts called NotOK) cannot be measured here.'
      : '';
  return html`<section id="operating"><h2>Operating points</h2>
<p>A part is one image. A higher threshold raises fewer false calls and misses more. An escape is a NotOK part on which nothing was called; overkill is an OK part on which something was.${parts}</p>
${models.map((model) => operatingOf(model, yMax(models)))}
${models.length > 1 && differences(models)}</section>`;
}

/** False calls at low thresholds would flatten the rest: the axis ends at what matters around the chosen one. */
function yMax(models: readonly AnalysedModel[]): number {
  return Math.max(
    1,
    ...models.flatMap(({ analysis: { chosen, operating } }) => [
      2 * chosen.falseCallsPer100Parts,
      2 * chosen.missedPer100Parts,
      ...operating.points.filter(({ scoreThreshold }) => scoreThreshold <= 0.9).map((point) => point.missedPer100Parts),
    ]),
  );
}

function operatingOf(model: AnalysedModel, max: number): Html {
  const { record, analysis } = model;
  const { points, parts, notOkParts, okParts } = analysis.operating;
  const id = `operating-${model.key || 'chart'}`;
  const axis = countAxis('per 100 parts', max);
  const isCut = points.some(({ falseCallsPer100Parts }) => falseCallsPer100Parts > axis.max);
  const chart = plot(
    id,
    `${keyPrefix(model)}missed defects and false calls per 100 parts over the score threshold; the figures stand in the table.`,
    scoreAxis,
    axis,
    (frame) => {
      const line = (pick: (point: OperatingPoint) => number) =>
        linePath(
          frame,
          points.map((point) => [point.scoreThreshold, pick(point)] as const),
        );
      const x = px(frame.x(record.scoreThreshold));
      return html`<line class="marker" x1="${x}" x2="${x}" y1="${px(frame.y(0))}" y2="${px(frame.y(axis.max))}"/>
<path class="curve lead" d="${line((point) => point.missedPer100Parts)}"/>
<path class="curve lead b" d="${line((point) => point.falseCallsPer100Parts)}"/>`;
    },
  );
  const heads = [
    'Threshold',
    'Recall',
    'Precision',
    'Missed per 100',
    'False calls per 100',
    'Escapes',
    ...(okParts > 0 ? ['Overkill'] : []),
  ];
  const rows = points
    .filter(
      ({ scoreThreshold }) =>
        scoreThreshold === record.scoreThreshold ||
        Math.round(scoreThreshold * 20) % 2 === 0 ||
        scoreThreshold > 0.88 ||
        scoreThreshold < 0.08,
    )
    .map((point) => ({
      head: scoreText(point.scoreThreshold),
      isChosen: point.scoreThreshold === record.scoreThreshold,
      cells: [
        percent(point.recall),
        percent(point.precision),
        perHundred(point.missedPer100Parts),
        perHundred(point.falseCallsPer100Parts),
        `${percent(point.escapeRate)} (${whole(point.escapes)})`,
        ...(okParts > 0 ? [`${percent(point.overkillRate)} (${whole(point.overkills)})`] : []),
      ],
    }));
  const caption = `${counted(parts, 'part')}: ${whole(notOkParts)} NotOK, ${whole(okParts)} OK. The row in use is raised`;
  return html`${model.key && html`<h3>${model.key}: ${record.modelId}</h3>`}<div class="pair"><div>
<ul class="key"><li><svg width="34" height="12" aria-hidden="true"><path class="curve lead" d="M0 6H34"/></svg>missed defects</li><li><svg width="34" height="12" aria-hidden="true"><path class="curve lead b" d="M0 6H34"/></svg>false calls</li><li><svg width="12" height="14" aria-hidden="true"><path class="marker" d="M6 0V14"/></svg>threshold in use, ${scoreText(record.scoreThreshold)}</li></ul>
${chart}${isCut && html`<p class="note">False calls at low thresholds leave the chart at the top.</p>`}</div><div>${figureTable(caption, heads, rows)}</div></div>`;
}

function differences([a, b]: readonly AnalysedModel[]): Html {
  const pairs = a!.analysis.operating.points.flatMap((from) => {
    const to = b!.analysis.operating.points.find(({ scoreThreshold }) => scoreThreshold === from.scoreThreshold);
    return to && Math.round(from.scoreThreshold * 20) % 2 === 0 ? [{ from, to }] : [];
  });
  const rows = pairs.map(({ from, to }) => ({
    head: scoreText(from.scoreThreshold),
    cells: [
      signed(to.missedPer100Parts - from.missedPer100Parts, 1),
      signed(to.falseCallsPer100Parts - from.falseCallsPer100Parts, 1),
      signed(to.escapes - from.escapes, 0),
      signed(to.overkills - from.overkills, 0),
    ],
  }));
  const heads = ['Threshold', 'Missed per 100', 'False calls per 100', 'Escapes, parts', 'Overkill, parts'];
  return html`<h3>B − A</h3>${figureTable('Differences at equal thresholds; less than 0 means that B does better', heads, rows)}`;
}
