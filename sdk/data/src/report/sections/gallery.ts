import { basename } from 'node:path';
import type { AnalysedModel } from '../analysed-model.js';
import { detectionsByImage, groundTruthsByImage, worstFalseCalls, worstMisses } from '../analysis/index.js';
import { cropPicture, type DrawnBox } from '../crop-picture.js';
import { counted, decimal } from '../format.js';
import { type Html, html } from '../html.js';

/** Pictures in each gallery. Two galleries of 320 px JPEGs stay below 2 MB even if every one is noise. */
const maxPictures = 12;

/** Which box is the label and which the model's. */
export const boxLegend: Html = html`<ul class="key"><li><svg width="40" height="18" aria-hidden="true"><rect class="casing" x="3" y="3" width="34" height="12"/><rect class="truth" x="3" y="3" width="34" height="12"/></svg>label (ground truth), blue and dashed</li><li><svg width="40" height="18" aria-hidden="true"><rect class="casing" x="3" y="3" width="34" height="12"/><rect class="call" x="3" y="3" width="34" height="12"/></svg>call of the model, red and solid</li><li>thin: not what the picture is about</li></ul>`;

/** The worst misses and false calls of a model; a sentence where there are none, nothing where no images were given. */
export async function gallerySection(model: AnalysedModel): Promise<Html | null> {
  const { record, analysis } = model;
  if (!record.imageFiles) return null;
  const { groundTruth: gt, detections: dt, scoreThreshold } = record;
  const names = analysis.perClass.map(({ name }) => name);
  const misses = worstMisses(gt, dt, analysis.matches, scoreThreshold, maxPictures);
  const calls = worstFalseCalls(gt, dt, analysis.matches, scoreThreshold, maxPictures);
  const missFigures: (Html | null)[] = [];
  for (const { gt: g, nearest, nearestIou, sidePx } of misses) {
    const near =
      nearest === null
        ? 'Nothing was called near it, at any score.'
        : `Nearest: ${names[dt.categoryIndex[nearest]!]} with score ${decimal(dt.scores[nearest]!, 3)} at IoU ${decimal(nearestIou)}.`;
    const text = html`<b>${names[gt.categoryIndex[g]!]}</b>, ${sidePx.toFixed(0)} px, not found. ${near}`;
    missFigures.push(await figure(model, gt.imageIndex[g]!, gt.boxesXywh, g, { gt: g, dt: null }, text));
  }
  const callFigures: (Html | null)[] = [];
  for (const { detection: d, nearest, nearestIou } of calls) {
    const near =
      nearest === null
        ? 'There is no label.'
        : `Nearest label: ${names[gt.categoryIndex[nearest]!]} at IoU ${decimal(nearestIou)}.`;
    const text = html`<b>${names[dt.categoryIndex[d]!]}</b> with score ${decimal(dt.scores[d]!, 3)}. ${near}`;
    callFigures.push(await figure(model, dt.imageIndex[d]!, dt.boxesXywh, d, { gt: null, dt: d }, text));
  }
  return html`<section id="misses"><h2>Worst misses</h2>
<p>${shown(missFigures, analysis.chosen.missed, 'missed defect')} The largest and those that a call came closest to. Calls below the threshold are not drawn.</p>
${boxLegend}<div class="gallery">${missFigures}</div></section>
<section id="false-calls"><h2>Worst false calls</h2>
<p>${shown(callFigures, analysis.chosen.falseCalls, 'false call')} Those with the highest scores. Look for defects that nobody labelled: they count as false calls, too.</p>
${boxLegend}<div class="gallery">${callFigures}</div></section>`;
}

function shown(figures: readonly (Html | null)[], total: number, what: string): string {
  const drawn = figures.filter((figure) => figure !== null).length;
  if (total === 0) return `There is no ${what} at this threshold.`;
  return drawn === total ? `All ${counted(total, what)}.` : `${drawn} of ${counted(total, what)}.`;
}

/** The picture around row `row` of a column of boxes; null where the image is not among the given files. */
export async function figure(
  model: AnalysedModel,
  image: number,
  boxesXywh: Float64Array,
  row: number,
  about: { gt: number | null; dt: number | null },
  caption: Html,
): Promise<Html | null> {
  const { imageFiles, groundTruth } = model.record;
  const imageId = groundTruth.imageIds[image]!;
  const file = imageFiles?.get(imageId);
  if (file === undefined) return null;
  const picture = await cropPicture(
    file,
    boxAt(boxesXywh, row),
    boxesOf(model, image, about),
    `Crop of image ${basename(file)}; what it shows is said below it`,
  );
  return html`<figure>${picture}<figcaption>${caption} <span class="note">${basename(file)}</span></figcaption></figure>`;
}

function boxesOf(model: AnalysedModel, image: number, about: { gt: number | null; dt: number | null }): DrawnBox[] {
  const { groundTruth: gt, detections: dt, scoreThreshold } = model.record;
  return [
    ...rowsOf(groundTruthsByImage(gt), image).map((g): DrawnBox => {
      return { boxXywh: boxAt(gt.boxesXywh, g), kind: 'truth', isAside: g !== about.gt };
    }),
    ...rowsOf(detectionsByImage(gt, dt), image)
      .filter((d) => dt.scores[d]! >= scoreThreshold)
      .map((d): DrawnBox => ({ boxXywh: boxAt(dt.boxesXywh, d), kind: 'call', isAside: d !== about.dt })),
  ];
}

const rowsOf = (groups: { starts: Int32Array; rows: Int32Array }, image: number) => [
  ...groups.rows.subarray(groups.starts[image]!, groups.starts[image + 1]!),
];

function boxAt(boxes: Float64Array, row: number): [number, number, number, number] {
  return [...boxes.subarray(row * 4, row * 4 + 4)] as [number, number, number, number];
}
