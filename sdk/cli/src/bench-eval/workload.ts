import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@plumbline/core/random';

/** Files of one evaluation. */
export interface EvalWorkload {
  readonly gt: string;
  readonly dt: string;
}

const classCount = 80;
const detectionsPerTruth = 10;
const [width, height] = [640, 480];

const cents = (value: number) => Math.round(value * 100) / 100;

/**
 * Writes ground truth and detections of the size of COCO val: by default 5,000 images, 36,781 boxes in 80 classes, ten
 * detections each, of which two lie close, four elsewhere near and four anywhere; scores with ties, one box in a hundred a
 * crowd. The same seed gives the same files.
 */
export async function writeWorkload(folder: string, images = 5000, seed = 1): Promise<EvalWorkload> {
  const random = createRandom(seed);
  const count = Math.round(images * 7.3562);
  const annotations = Array.from({ length: count }, (_, i) => {
    const side = 4 + 300 * random.next() ** 3;
    const ratio = 0.6 + 0.9 * random.next();
    const [boxWidth, boxHeight] = [cents(side * ratio), cents(side / ratio)];
    return {
      id: i + 1,
      image_id: 1 + Math.floor(images * (random.next() + random.next() ** 2) * 0.5),
      category_id: 1 + Math.floor(classCount * random.next() ** 2),
      bbox: [cents(random.next() * width * 0.8), cents(random.next() * height * 0.8), boxWidth, boxHeight],
      area: boxWidth * boxHeight,
      iscrowd: random.next() < 0.01 ? 1 : 0,
    };
  });
  const detections = annotations.flatMap(({ image_id, category_id, bbox }) =>
    Array.from({ length: detectionsPerTruth }, (_, j) => {
      const [x, y, w, h] = bbox as [number, number, number, number];
      const jitter = j < 2 ? 0.15 : 0.6;
      const off = () => (random.next() - 0.5) * jitter;
      const isNear = j < 6;
      const isOther = j === 2 || j === 3 || !isNear;
      const [left, top] = isNear ? [x + off() * w, y + off() * h] : [random.next() * 600, random.next() * 440];
      const scale = j === 0 ? 0.7 : j < 4 ? 0.6 : 0.3;
      return {
        image_id,
        category_id: isOther ? 1 + random.int(classCount) : category_id,
        bbox: [cents(left), cents(top), cents(w * (1 + off())), cents(h * (1 + off()))],
        score: Math.round(1e5 * ((j === 0 ? 0.3 : 0) + scale * random.next())) / 1e5,
      };
    }),
  );
  const order = random.shuffle(Int32Array.from(detections.keys()));
  const document = {
    images: Array.from({ length: images }, (_, i) => ({ id: i + 1, width, height, file_name: `${i + 1}.jpg` })),
    categories: Array.from({ length: classCount }, (_, k) => ({ id: k + 1, name: `class ${k + 1}` })),
    annotations,
  };
  const files = { gt: join(folder, 'gt.json'), dt: join(folder, 'dt.json') };
  await writeFile(files.gt, JSON.stringify(document));
  await writeFile(files.dt, JSON.stringify([...order].map((i) => detections[i])));
  return files;
}
