/** Shapes in this module: B boxes of all images. */
import { basename } from 'node:path';
import sharp from 'sharp';
import type { SampleRef } from '../dataset/index.js';
import type { DatasetInspection, InspectedDataset } from '../inspect/index.js';
import { columnChart, levelBars } from './charts/bars.js';
import { cropPicture } from './crop-picture.js';
import { counted, decimal, percent, whole } from './format.js';
import { type Html, html } from './html.js';
import { page } from './page.js';
import { figureTable } from './table.js';

/** Problems in the table, pictures of problems, pairs and boxes of each class; the JSON output has everything. */
const listed = { problems: 500, problemPictures: 24, pairs: 24, boxesOfClass: 4 };

/**
 * One inspection as one HTML file that loads nothing: counts, distributions, what is wrong with pictures, images that look
 * the same, and some boxes of each class.
 * @param inspectedAt when, as it shall be printed
 */
export async function renderInspection(
  { dataset, measures, inspection }: InspectedDataset,
  inspectedAt: string,
): Promise<string> {
  const title = `Inspection of ${dataset.name}`;
  const { images, boxes, emptyImages, problems, nearDuplicates } = inspection;
  const facts = [
    ['Images', `${whole(images)}, of which ${whole(emptyImages)} without a box`],
    ['Boxes', `${whole(boxes)} in ${counted(dataset.classes.length, 'class', 'classes')}`],
    ['Problems', problems.length === 0 ? 'none' : whole(problems.length)],
    ['Images that look the same', counted(nearDuplicates.length, 'pair')],
    ['Inspected', inspectedAt],
  ] as const;
  return page(title, [
    html`<header><h1>${title}</h1><dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></header>`,
    await problemsSection(inspection),
    await pairsSection(inspection),
    classesSection(inspection),
    distributionsSection(inspection, measures),
    await boxesSection(dataset.classes, dataset.samples),
  ]);
}

async function problemsSection({ problems }: DatasetInspection): Promise<Html> {
  if (problems.length === 0) {
    return html`<section id="problems"><h2>Problems</h2><p>Nothing is wrong with labels and images.</p></section>`;
  }
  const counts = new Map<string, number>();
  for (const { code } of problems) counts.set(code, (counts.get(code) ?? 0) + 1);
  const byCode = [...counts].sort(([, a], [, b]) => b - a);
  const rows = problems.slice(0, listed.problems).map(({ file, line, code, message }) => ({
    head: `${basename(file)}${line === undefined ? '' : `:${line}`}`,
    cells: [code, html`<span class="message" title="${file}">${message}</span>`],
  }));
  const pictures: Html[] = [];
  for (const file of new Set(problems.map((problem) => problem.file))) {
    if (pictures.length === listed.problemPictures) break;
    const picture = await thumbnail(file);
    if (picture) pictures.push(html`<figure>${picture}<figcaption>${basename(file)}</figcaption></figure>`);
  }
  const more = problems.length > rows.length ? ` The first ${whole(rows.length)} are listed.` : '';
  return html`<section id="problems"><h2>Problems</h2><p>${counted(problems.length, 'problem')}.${more}</p>
${figureTable(
  'How many of each kind',
  ['Code', 'Problems'],
  byCode.map(([code, count]) => ({ head: code, cells: [whole(count)] })),
)}
${figureTable('Each with its place', ['Place', 'Code', 'What is wrong'], rows)}
<div class="gallery">${pictures}</div></section>`;
}

async function pairsSection({ nearDuplicates }: DatasetInspection): Promise<Html | null> {
  if (nearDuplicates.length === 0) return null;
  const figures: Html[] = [];
  for (const { a, b, distance, across } of nearDuplicates.slice(0, listed.pairs)) {
    const [first, second] = [await thumbnail(a), await thumbnail(b)];
    const splits = across ? ` One in ${across[0]}, the other in ${across[1]}.` : '';
    figures.push(
      html`<figure><div class="both">${first}${second}</div><figcaption><b>${counted(distance, 'bit')} of 256 differ.</b>${splits} <span class="note">${basename(a)} and ${basename(b)}</span></figcaption></figure>`,
    );
  }
  const shown = figures.length < nearDuplicates.length ? `The nearest ${figures.length} of ` : '';
  return html`<section id="pairs"><h2>Images that look the same</h2>
<p>${shown}${counted(nearDuplicates.length, 'pair')}, by a hash that scaling, brightness and compression hardly change. Pairs across train and val make figures look better than they are.</p>
<div class="gallery">${figures}</div></section>`;
}

function classesSection({ classes, imagesOfClass, boxes }: DatasetInspection): Html {
  const entries = Object.entries(classes);
  const most = Math.max(1, ...entries.map(([, count]) => count));
  const bars = entries.map(([label, count]) => ({ label, values: [count], texts: [whole(count)] }));
  const rows = entries.map(([name, count]) => ({
    head: name,
    cells: [whole(count), percent(boxes === 0 ? null : count / boxes), whole(imagesOfClass[name]!)],
  }));
  return html`<section id="classes"><h2>Classes</h2><p>Classes with few boxes are learned and measured badly: their figures swing by chance.</p>
<div class="pair">${entries.length <= 30 && levelBars('Boxes of each class', bars, most)}
${figureTable('Boxes and images of each class', ['Class', 'Boxes', 'Share', 'Images'], rows)}</div></section>`;
}

function distributionsSection(
  { boxSide, boxAspect, imageSizes }: DatasetInspection,
  { sides, aspects, centres, perImage }: InspectedDataset['measures'],
): Html | null {
  if (!boxSide || !boxAspect) return null;
  const quantileRows = [
    { head: 'Box side, px', cells: [boxSide.p05, boxSide.p50, boxSide.p95].map((value) => value.toFixed(1)) },
    { head: 'Width / height', cells: [boxAspect.p05, boxAspect.p50, boxAspect.p95].map((value) => decimal(value)) },
  ];
  const sizeRows = Object.entries(imageSizes)
    .slice(0, 12)
    .map(([size, count]) => ({ head: `${size} px`, cells: [whole(count)] }));
  return html`<section id="boxes"><h2>Boxes and images</h2>
<p>Half of the boxes have a side of ${boxSide.p50.toFixed(0)} px or less (the root of the area). Anchors, the size that images are resized to, and the smallest defect that can be found follow from these.</p>
<div class="pair">${histogram('side', 'Box side, px', sides, logarithmicLimits(sides))}${histogram('aspect', 'Box width / height', aspects, [0, 0.25, 0.35, 0.5, 0.71, 1, 1.41, 2, 2.83, 4, Infinity])}</div>
<div class="pair">${histogram('count', 'Boxes of an image', perImage, countLimits(perImage))}${heatmap(centres)}</div>
<div class="pair">${figureTable('Quantiles over all boxes', ['Measure', '5 %', 'Median', '95 %'], quantileRows)}
${figureTable('Sizes of images', ['Width x height', 'Images'], sizeRows)}</div></section>`;
}

function logarithmicLimits(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values.slice(0, 1e5)), Math.max(...values.slice(0, 1e5))];
  const first = Math.max(1, 2 ** Math.floor(Math.log2(low)));
  const limits = [0];
  for (let limit = first; limit < high * Math.SQRT2; limit *= Math.SQRT2) limits.push(limit);
  return [...limits, Infinity];
}

function countLimits(values: readonly number[]): number[] {
  const highest = values.reduce((a, b) => Math.max(a, b), 1);
  const step = Math.max(1, Math.ceil(highest / 15));
  return Array.from({ length: Math.ceil((highest + 1) / step) + 1 }, (_, i) => i * step);
}

/** @param limits ascending; a range holds its lower limit */
function histogram(id: string, label: string, values: readonly number[], limits: readonly number[]): Html {
  const counts = new Array<number>(limits.length - 1).fill(0);
  for (const value of values) counts[Math.max(0, limits.findIndex((limit) => value < limit) - 1)]! += 1;
  const most = Math.max(1, ...counts);
  const step = 10 ** Math.floor(Math.log10(most)) * (most / 10 ** Math.floor(Math.log10(most)) > 4 ? 2 : 1);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => ({
    at: i * step,
    text: shortCount(i * step),
  }));
  const text = (limit: number) => (limit >= 10 || Number.isInteger(limit) ? limit.toFixed(0) : limit.toFixed(2));
  const groups = counts.map((count, i) => ({ label: text(limits[i]!), values: [count] }));
  const description = `${label}: ${counts.map((count, i) => `${count} from ${text(limits[i]!)}`).join(', ')}`;
  const labelEvery = Math.max(1, Math.ceil(groups.length / 10));
  const yAxis = { label: 'Count', min: 0, max: most, ticks };
  return columnChart(id, description, `${label}, from`, yAxis, groups, { labelEvery });
}

/** 2,000 as 2k: the axis has room for three characters. */
const shortCount = (count: number) => (count >= 1000 ? `${count / 1000}k` : String(count));

/** Where the centres of boxes lie, in 12 x 12 parts of the image. */
function heatmap(centres: InspectedDataset['measures']['centres']): Html {
  const cells = 12;
  const counts = new Array<number>(cells * cells).fill(0);
  const cellOf = (share: number) => Math.min(cells - 1, Math.max(0, Math.floor(share * cells)));
  for (const [x, y] of centres) counts[cellOf(y) * cells + cellOf(x)]! += 1;
  const most = Math.max(1, ...counts);
  const rects = counts.map((count, i) => {
    const [x, y] = [(i % cells) * 20, Math.floor(i / cells) * 20];
    return html`<rect class="bar-a" x="${40 + x}" y="${y}" width="20" height="20" opacity="${(count / most).toFixed(2)}"/>`;
  });
  const side = cells * 20;
  return html`<svg class="plot" viewBox="0 0 340 ${side + 26}" role="img" aria-label="Centres of boxes in the image; the fullest of ${cells * cells} parts holds ${most}">
${rects}<rect class="axis" fill="none" x="40" y="0" width="${side}" height="${side}"/><text class="axis-label" x="${40 + side / 2}" y="${side + 18}" text-anchor="middle">Centres of boxes in the image</text></svg>`;
}

/** Boxes of each class, spread over the dataset, with their surroundings. */
async function boxesSection(classes: readonly string[], samples: readonly SampleRef[]): Promise<Html> {
  const figures: Html[] = [];
  for (const [label, name] of classes.slice(0, 20).entries()) {
    const places = samples.flatMap((sample) =>
      [...sample.gtLabels.keys()].filter((g) => sample.gtLabels[g] === label).map((g) => ({ sample, g })),
    );
    const step = Math.max(1, Math.floor(places.length / listed.boxesOfClass));
    for (const { sample, g } of places.filter((_, i) => i % step === 0).slice(0, listed.boxesOfClass)) {
      const boxes = [...sample.gtLabels.keys()].map((i) => {
        return { boxXywh: boxXywh(sample, i), kind: 'truth' as const, isAside: i !== g };
      });
      const picture = await cropPicture(sample.file, boxXywh(sample, g), boxes, `Crop of image ${sample.stem}`);
      figures.push(
        html`<figure>${picture}<figcaption><b>${name}</b> <span class="note">${basename(sample.file)}</span></figcaption></figure>`,
      );
    }
  }
  return html`<section id="examples"><h2>Boxes of each class</h2><p>Up to ${listed.boxesOfClass} of each, spread evenly over the images. Labels that sit askew or belong to another class show here first.</p><div class="gallery">${figures}</div></section>`;
}

function boxXywh({ gtBoxesXyxy }: SampleRef, g: number): [number, number, number, number] {
  const [x1, y1, x2, y2] = gtBoxesXyxy.subarray(4 * g, 4 * g + 4) as unknown as [number, number, number, number];
  return [x1, y1, x2 - x1, y2 - y1];
}

/** A small picture of a whole image; null for what is no readable image, such as a label file. */
async function thumbnail(file: string): Promise<Html | null> {
  try {
    const image = sharp(file).autoOrient().resize({ width: 240, height: 240, fit: 'inside', withoutEnlargement: true });
    const { data, info } = await image.jpeg({ quality: 75, mozjpeg: true }).toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Image ${basename(file)}"><image width="${width}" height="${height}" href="data:image/jpeg;base64,${data.toString('base64')}"/></svg>`;
  } catch {
    return null;
  }
}
