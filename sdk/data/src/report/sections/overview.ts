import type { CocoStats } from '../../eval/evaluate-coco.js';
import { type AnalysedModel, columnHead } from '../analysed-model.js';
import { bestF1, wilsonInterval } from '../analysis/index.js';
import { counted, decimal, noFigure, percent, perHundred, points, scoreText, whole } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';

const statNames: Readonly<Record<keyof CocoStats, string>> = {
  AP: 'AP, mean over IoU 0.50–0.95',
  AP50: 'AP at IoU 0.50',
  AP75: 'AP at IoU 0.75',
  APs: 'AP, boxes up to 32² px',
  APm: 'AP, boxes of 32² to 96² px',
  APl: 'AP, boxes from 96² px',
  AR1: 'Recall, 1 detection per image and class',
  AR10: 'Recall, 10 detections',
  AR100: 'Recall, 100 detections',
  ARs: 'Recall, boxes up to 32² px',
  ARm: 'Recall, boxes of 32² to 96² px',
  ARl: 'Recall, boxes from 96² px',
};

/** What was evaluated. */
export function header(title: string, models: readonly AnalysedModel[], sections: readonly [string, string][]): Html {
  const { record, analysis } = models[0]!;
  const { operating } = analysis;
  const same = (pick: (model: AnalysedModel) => string) =>
    [...new Set(models.map((model) => pick(model)))].length === 1
      ? pick(models[0]!)
      : models.map((model) => `${model.key}: ${pick(model)}`).join(', ');
  return html`<header><h1>${title}</h1><dl class="facts">
${models.map((model) => html`<dt>${columnHead(model, 'Model')}</dt><dd>${model.record.modelId}</dd>`)}
<dt>Images</dt><dd>${record.dataset}: ${counted(operating.parts, 'image')}, ${counted(operating.defects, 'labelled defect')} in ${counted(operating.notOkParts, 'image')}</dd>
<dt>Score threshold</dt><dd>${same((model) => scoreText(model.record.scoreThreshold))}: a detection counts as a call from this score on</dd>
<dt>Protocol</dt><dd>${record.protocol === 'coco' ? 'COCO' : `this report: COCO; the published figures: ${record.protocol}`}, boxes match from IoU 0.50 on where no other IoU is named</dd>
<dt>Evaluated</dt><dd>${same((model) => model.record.evaluatedAt)}</dd></dl>
<nav aria-label="Sections"><ul>${sections.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav></header>`;
}

/** The figures that one reads first. */
export function summary(models: readonly AnalysedModel[]): Html {
  return html`<section id="summary"><h2>Summary</h2>
${models.map((model) => html`<p>${model.key && html`<span class="model-key">${model.key}</span>`}${inWords(model)}</p>${tiles(model)}`)}
${statsTable(models)}
${classTable(models)}</section>`;
}

function inWords({ record, analysis }: AnalysedModel): string {
  const { chosen, operating } = analysis;
  if (operating.defects === 0) {
    return `The images have no labelled defect, so there is nothing to find; ${counted(chosen.falseCalls, 'false call')} from score ${scoreText(record.scoreThreshold)} on.`;
  }
  const interval = wilsonInterval(chosen.found, operating.defects)!;
  const best = bestF1(operating);
  const advice =
    best && best.point.scoreThreshold !== record.scoreThreshold
      ? ` The best balance of recall and precision on these images (F1 ${decimal(best.f1, 3)}) is at ${scoreText(best.point.scoreThreshold)}; choose a threshold on other images than those one reports.`
      : '';
  return `At score ${scoreText(record.scoreThreshold)} the model finds ${whole(chosen.found)} of ${counted(operating.defects, 'defect')} (${percent(chosen.recall)}; 95 % interval ${percent(interval.low)} to ${percent(interval.high)}), misses ${whole(chosen.missed)} and raises ${counted(chosen.falseCalls, 'false call')} on ${counted(operating.parts, 'image')}.${advice}`;
}

function tiles({ analysis }: AnalysedModel): Html {
  const { evaluation, chosen, operating } = analysis;
  const { AP, AP50, AP75 } = evaluation.stats;
  const tile = (name: string, value: string, under: string) => {
    const [figure, unit] = value.split(' ');
    return html`<li><span class="name">${name}</span><b>${figure}${unit && html` <small>${unit}</small>`}</b><span>${under}</span></li>`;
  };
  return html`<ul class="tiles">
${tile('AP', percent(AP), 'mean over IoU 0.50–0.95')}
${tile('AP50', percent(AP50), 'at IoU 0.50')}
${tile('AP75', percent(AP75), 'at IoU 0.75')}
${tile('Missed', perHundred(chosen.missedPer100Parts), `defects per 100 parts (${whole(chosen.missed)} in ${whole(operating.parts)})`)}
${tile('False calls', perHundred(chosen.falseCallsPer100Parts), `per 100 parts (${whole(chosen.falseCalls)} in ${whole(operating.parts)})`)}
${tile('Escapes', percent(chosen.escapeRate), `NotOK parts called OK (${whole(chosen.escapes)} of ${whole(operating.notOkParts)})`)}
${
  operating.okParts > 0
    ? tile(
        'Overkill',
        percent(chosen.overkillRate),
        `OK parts called NotOK (${whole(chosen.overkills)} of ${whole(operating.okParts)})`,
      )
    : tile('Overkill', noFigure, 'not measurable: every image has a defect')
}</ul>`;
}

function statsTable(models: readonly AnalysedModel[]): Html {
  const heads = [
    'Figure',
    ...models.map((model) => columnHead(model, 'Value')),
    ...(models.length > 1 ? ['B − A'] : []),
  ];
  const rows = (Object.keys(statNames) as (keyof CocoStats)[]).map((name) => {
    const values = models.map(({ analysis }) => analysis.evaluation.stats[name]);
    const difference = values.length > 1 ? [`${points(values[0]!, values[1]!)}`] : [];
    return { head: `${name} · ${statNames[name]}`, cells: [...values.map((value) => percent(value)), ...difference] };
  });
  const unit = models.length > 1 ? '; differences in percentage points' : '';
  return html`<h3>COCO's twelve figures</h3>${figureTable(`A dash: no ground truth of that kind${unit}`, heads, rows)}`;
}

function classTable(models: readonly AnalysedModel[]): Html {
  const isOne = models.length === 1;
  const heads = [
    'Class',
    'Defects',
    ...models.map((model) => columnHead(model, 'AP')),
    ...(isOne ? ['AP50', 'AP75'] : ['B − A']),
    ...models.map((model) => columnHead(model, 'Recall')),
    ...(isOne ? ['Precision'] : []),
    ...models.map((model) => columnHead(model, 'Missed')),
    ...models.map((model) => columnHead(model, 'False calls')),
  ];
  const rows = models[0]!.analysis.perClass.map(({ name, defects }, k) => {
    const aps = models.map(({ analysis }) => analysis.evaluation.perClass[name]!);
    const counts = models.map(({ analysis }) => analysis.perClass[k]!);
    const apAt = (iouIndex: number) => {
      const { curves } = models[0]!.analysis;
      return percent(curves.find((curve) => curve.categoryIndex === k && curve.iouIndex === iouIndex)!.ap);
    };
    const { found, falseCalls } = counts[0]!;
    const precision = found + falseCalls > 0 ? found / (found + falseCalls) : null;
    return {
      head: name,
      cells: [
        whole(defects),
        ...aps.map((ap) => percent(ap)),
        ...(isOne ? [apAt(0), apAt(5)] : [points(aps[0]!, aps[1]!)]),
        ...counts.map((count) => percent(defects > 0 ? count.found / defects : null)),
        ...(isOne ? [percent(precision)] : []),
        ...counts.map((count) => whole(count.defects - count.found)),
        ...counts.map((count) => whole(count.falseCalls)),
      ],
    };
  });
  return html`<h3>By class</h3>${figureTable('AP over IoU 0.50–0.95; recall, precision and counts at the score threshold', heads, rows)}`;
}
