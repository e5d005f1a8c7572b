import { basename } from 'node:path';
import type { AnalysedModel } from '../analysed-model.js';
import { type ImageOutcome, imageOutcomes, onlyFirstRight } from '../analysis/index.js';
import { counted, decimal, whole } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';
import { boxLegend, figure } from './gallery.js';

const maxRows = 20;
const maxPictures = 8;

/** Images on which one model is right and the other wrong. */
export async function disagreementsSection(a: AnalysedModel, b: AnalysedModel): Promise<Html> {
  const outcomesOf = ({ record, analysis }: AnalysedModel) =>
    imageOutcomes(record.groundTruth, record.detections, analysis.matches, record.scoreThreshold);
  const outcomesA = outcomesOf(a);
  const outcomesB = outcomesOf(b);
  const bWrong = onlyFirstRight(outcomesA, outcomesB);
  const aWrong = onlyFirstRight(outcomesB, outcomesA);
  const isRight = ({ missed, falseCalls }: ImageOutcome) => missed + falseCalls === 0;
  const both = outcomesA.filter((outcome, i) => isRight(outcome) && isRight(outcomesB[i]!)).length;
  const neither = outcomesA.length - both - aWrong.length - bWrong.length;
  return html`<section id="disagreements"><h2>Where the models disagree</h2>
<p>A model is right on an image when it misses nothing and calls nothing false at its threshold. Of ${counted(outcomesA.length, 'image')}, both are right on ${whole(both)}, only A on ${whole(bWrong.length)}, only B on ${whole(aWrong.length)}, neither on ${whole(neither)}.</p>
${boxLegend}
${await direction('A is right, B is wrong', bWrong, outcomesB, b)}
${await direction('B is right, A is wrong', aWrong, outcomesA, a)}</section>`;
}

async function direction(
  title: string,
  images: readonly number[],
  outcomes: readonly ImageOutcome[],
  wrong: AnalysedModel,
): Promise<Html> {
  if (images.length === 0) return html`<h3>${title}</h3><p>On no image.</p>`;
  const { groundTruth, detections, imageFiles } = wrong.record;
  const nameOf = (image: number) => {
    const id = groundTruth.imageIds[image]!;
    const file = imageFiles?.get(id);
    return file === undefined ? `image ${id}` : basename(file);
  };
  const rows = images.slice(0, maxRows).map((image) => ({
    head: nameOf(image),
    cells: [whole(outcomes[image]!.missed), whole(outcomes[image]!.falseCalls)],
  }));
  const pictures: (Html | null)[] = [];
  for (const image of images.slice(0, maxPictures)) {
    const { firstMiss, worstFalseCall } = outcomes[image]!;
    const className = (category: number) => wrong.analysis.perClass[category]!.name;
    if (firstMiss !== null) {
      const text = html`${wrong.key} misses <b>${className(groundTruth.categoryIndex[firstMiss]!)}</b>.`;
      pictures.push(await figure(wrong, image, groundTruth.boxesXywh, firstMiss, { gt: firstMiss, dt: null }, text));
    } else if (worstFalseCall !== null) {
      const text = html`${wrong.key} calls <b>${className(detections.categoryIndex[worstFalseCall]!)}</b> with score ${decimal(detections.scores[worstFalseCall]!, 3)}, which finds no label.`;
      const about = { gt: null, dt: worstFalseCall };
      pictures.push(await figure(wrong, image, detections.boxesXywh, worstFalseCall, about, text));
    }
  }
  const caption =
    images.length > maxRows
      ? `The ${maxRows} images with most mistakes of ${wrong.key}, of ${images.length}`
      : `Mistakes of ${wrong.key}`;
  return html`<h3>${title}</h3>${figureTable(caption, ['Image', 'Missed', 'False calls'], rows)}<div class="gallery">${pictures}</div>`;
}
