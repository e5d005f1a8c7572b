import type { TrainConfig } from '@plumbline/contract';
import type { Random } from '@plumbline/core/random';
import { type BoxXyxy, boxAt, type LabelledImage, toRgb } from './labelled-image.js';

type CopyPasteSettings = Pick<NonNullable<TrainConfig['augment']['copyPaste']>, 'maxBoxes' | 'marginPx'>;

/** Places tried for one box; a crowded image receives fewer. */
const attempts = 20;

const overlap = (a: BoxXyxy, b: BoxXyxy) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/**
 * Pastes up to `maxBoxes` boxes of `donor` into `image`, each with `marginPx` of its surroundings that fade out, at
 * random places where box and margin overlap no other box. A box whose surroundings hold part of another is not taken:
 * the part would arrive without a label.
 */
export function pasteBoxes(
  image: LabelledImage,
  donor: LabelledImage,
  { maxBoxes, marginPx }: CopyPasteSettings,
  random: Random,
): LabelledImage {
  const wanted = 1 + random.int(maxBoxes);
  const isGrey = image.channels === 1 && donor.channels === 1;
  const [base, source] = isGrey ? [image, donor] : [toRgb(image), toRgb(donor)];
  const data = Uint8Array.from(base.data);
  const boxes = Array.from(base.labels, (_, i) => boxAt(base.boxesXyxy, i));
  const labels = [...base.labels];
  const donorBoxes = Array.from(source.labels, (_, i) => boxAt(source.boxesXyxy, i));
  for (const index of random.shuffle(donorBoxes.map((_, i) => i))) {
    if (boxes.length - base.labels.length >= wanted) break;
    const box = donorBoxes[index]!;
    const patch = patchOf(box, marginPx, source);
    if (donorBoxes.some((other, i) => i !== index && overlap(other, patch))) continue;
    const place = freePlace(patch, boxes, base, random);
    if (!place) continue;
    blend(source, patch, box, marginPx, data, base.width, place);
    const [dx, dy] = [place[0] - patch[0], place[1] - patch[1]];
    boxes.push([box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy]);
    labels.push(source.labels[index]!);
  }
  if (labels.length === base.labels.length) return image;
  return { ...base, data, boxesXyxy: Float32Array.from(boxes.flat()), labels: Int32Array.from(labels) };
}

function patchOf([x1, y1, x2, y2]: BoxXyxy, margin: number, { width, height }: LabelledImage): BoxXyxy {
  return [
    Math.max(0, Math.floor(x1) - margin),
    Math.max(0, Math.floor(y1) - margin),
    Math.min(width, Math.ceil(x2) + margin),
    Math.min(height, Math.ceil(y2) + margin),
  ];
}

function freePlace(
  patch: BoxXyxy,
  boxes: readonly BoxXyxy[],
  { width, height }: LabelledImage,
  random: Random,
): readonly [number, number] | undefined {
  const [patchWidth, patchHeight] = [patch[2] - patch[0], patch[3] - patch[1]];
  if (patchWidth > width || patchHeight > height) return undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const x = random.int(width - patchWidth + 1);
    const y = random.int(height - patchHeight + 1);
    const place: BoxXyxy = [x, y, x + patchWidth, y + patchHeight];
    if (!boxes.some((box) => overlap(box, place))) return [x, y];
  }
  return undefined;
}

/** Pixels of the box replace those of the image; outside of it their share falls evenly to the end of the margin. */
function blend(
  source: LabelledImage,
  patch: BoxXyxy,
  box: BoxXyxy,
  margin: number,
  canvas: Uint8Array,
  canvasWidth: number,
  [toX, toY]: readonly [number, number],
): void {
  const { channels, data, width } = source;
  const left = Math.floor(box[0]);
  const top = Math.floor(box[1]);
  const right = Math.ceil(box[2]) - 1;
  const bottom = Math.ceil(box[3]) - 1;
  for (let y = patch[1]; y < patch[3]; y++) {
    for (let x = patch[0]; x < patch[2]; x++) {
      const distance = Math.max(left - x, x - right, top - y, y - bottom, 0);
      const share = 1 - distance / (margin + 1);
      const from = (y * width + x) * channels;
      const to = ((toY + y - patch[1]) * canvasWidth + toX + x - patch[0]) * channels;
      for (let c = 0; c < channels; c++) {
        canvas[to + c] = canvas[to + c]! + (data[from + c]! - canvas[to + c]!) * share + 0.5;
      }
    }
  }
}
