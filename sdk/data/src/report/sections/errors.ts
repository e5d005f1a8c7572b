import { type AnalysedModel, columnHead, keyPrefix, modelKey } from '../analysed-model.js';
import { type TideErrorType, tideErrorTypes } from '../analysis/index.js';
import { levelBars } from '../charts/bars.js';
import { percent, scoreText, signed, whole } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';

const meanings: Readonly<Record<TideErrorType, string>> = {
  classification: 'good box, wrong class',
  localisation: 'right class, box overlaps by 0.1 to 0.5 only',
  both: 'wrong class and loose box',
  duplicate: 'second box on a defect already found',
  background: 'nothing there',
  missed: 'defect that no box is about',
};

/** TIDE's error types. */
export function errorsSection(models: readonly AnalysedModel[]): Html {
  const gains = models.map(({ analysis }) => tideErrorTypes.map((type) => analysis.tide.types[type].dAp));
  const max = Math.max(1e-4, ...gains.flat());
  const groups = tideErrorTypes.map((type, i) => ({
    label: type,
    values: gains.map((list) => list[i]!),
    texts: gains.map((list) => `${signed(100 * list[i]!, 2)} pt`),
  }));
  const worst = models.map((model, m) => {
    const index = gains[m]!.indexOf(Math.max(...gains[m]!));
    return gains[m]![index]! > 0
      ? `${keyPrefix(model)}most is lost to ${tideErrorTypes[index]} errors (${meanings[tideErrorTypes[index]!]}): ${(100 * gains[m]![index]!).toFixed(1)} points of AP at IoU 0.50`
      : `${keyPrefix(model)}no type of error costs AP`;
  });
  const heads = [
    'Type',
    ...models.map((model) => columnHead(model, 'Count')),
    ...models.map((model) => columnHead(model, 'dAP, pt')),
    ...(models.length > 1 ? ['B − A, pt'] : []),
  ];
  const row = (name: string, meaning: string, pick: (model: AnalysedModel) => { count: number; dAp: number }) => {
    const figures = models.map(pick);
    return {
      head: html`${name}<br><span class="note">${meaning}</span>`,
      cells: [
        ...figures.map(({ count }) => whole(count)),
        ...figures.map(({ dAp }) => (100 * dAp).toFixed(2)),
        ...(figures.length > 1 ? [signed(100 * (figures[1]!.dAp - figures[0]!.dAp), 2)] : []),
      ],
    };
  };
  const rows = [
    ...tideErrorTypes.map((type) => row(type, meanings[type], ({ analysis }) => analysis.tide.types[type])),
    row('all false calls', 'scored below every right call', ({ analysis }) => analysis.tide.falsePositives),
    row('all not found', 'taken out of the count', ({ analysis }) => analysis.tide.falseNegatives),
  ];
  return html`<section id="errors"><h2>Where AP is lost</h2>
<p>${sentence(worst.join('; '))}. Each bar is the AP at IoU 0.50 that would be gained if only that type of error were repaired (TIDE, arXiv:2008.08115). ${matchingNote(models)}All detections count here, whatever their score, so counts are high where many low scores are listed; a low score costs little.</p>
<div class="pair"><div>${modelKey(models, 'bar')}${levelBars(`AP gained by repairing each type: ${worst.join('; ')}.`, groups, max)}</div>
<div>${figureTable(`${models.map((model) => `${keyPrefix(model)}AP at IoU 0.50 is ${percent(model.analysis.tide.ap50)}`).join('; ')}. The gains do not add up: repairs help one another`, heads, rows)}</div></div></section>`;
}

/** TIDE keeps the best 100 detections of an image over all classes and resolves ties its own way. */
function matchingNote(models: readonly AnalysedModel[]): string {
  const differs = models.some(({ analysis }) => {
    return analysis.operating.defects > 0 && Math.abs(analysis.tide.ap50 - analysis.evaluation.stats.AP50) > 5e-4;
  });
  return differs
    ? 'TIDE looks at the best 100 detections of an image over all classes and treats crowds and ties its own way, so that its AP at IoU 0.50 is not the one of the summary. '
    : '';
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Largest number of classes for which the matrix is printed in full. */
const maxMatrixClasses = 30;

/** Which class is taken for which. */
export function confusionSection(models: readonly AnalysedModel[]): Html {
  return html`<section id="confusion"><h2>Confusion of classes</h2>
<p>Rows are what is there, columns what was called, from the score threshold on, at IoU 0.50. Outlined: right. The last column is missed, the last row is false calls on background.</p>
${models.map((model) => confusionOf(model))}</section>`;
}

function confusionOf(model: AnalysedModel): Html {
  const { record, analysis } = model;
  const { counts, size } = analysis.confusion;
  const names = [...analysis.perClass.map(({ name }) => name), 'background'];
  const at = (row: number, column: number) => counts[row * size + column]!;
  const pairs = [...names.keys()]
    .flatMap((row) => [...names.keys()].map((column) => ({ row, column, count: at(row, column) })))
    .filter(({ row, column, count }) => row !== column && row < size - 1 && column < size - 1 && count > 0)
    .sort((a, b) => b.count - a.count);
  const words =
    pairs.length === 0
      ? 'No defect was called by the name of another class.'
      : `Most often confused: ${pairs
          .slice(0, 3)
          .map(({ row, column, count }) => `${names[row]} called ${names[column]} (${whole(count)})`)
          .join(', ')}.`;
  const caption = `${keyPrefix(model) || 'Counts '}${model.key && 'counts '}from score ${scoreText(record.scoreThreshold)} on`;
  if (size - 1 > maxMatrixClasses) {
    const rows = pairs.slice(0, 20).map(({ row, column, count }) => ({
      head: names[row]!,
      cells: [names[column]!, whole(count)],
    }));
    return html`<p>${keyPrefix(model)}${words}</p>${figureTable(`${caption}; the 20 most frequent of ${size - 1} classes`, ['Is', 'Called', 'Count'], rows)}`;
  }
  return html`<p>${keyPrefix(model)}${words}</p><div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr><th scope="col">Is \\ called</th>${names.map((name, k) => html`<th scope="col">${k === size - 1 ? 'missed' : name}</th>`)}</tr></thead>
<tbody>${names.map(
    (name, row) => html`<tr><th scope="row">${name}</th>${names.map((_, column) => {
      if (row === size - 1 && column === size - 1) return html`<td class="zero">${'–'}</td>`;
      const count = at(row, column);
      return html`<td${row === column ? html` class="diagonal"` : count === 0 && html` class="zero"`}>${whole(count)}</td>`;
    })}</tr>
`,
  )}</tbody></table></div>`;
}
