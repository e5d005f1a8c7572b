/**
 * Layouts by name: what the exporters of other projects write. Shapes in this module: H, W of the network's image in px,
 * C classes, N candidates or final boxes.
 */
import type { ImageInput, ModelIo, ModelOutputs } from '@plumbline/contract';
import { readFileMetadata } from './file-metadata.js';
import { fixedSide, type GraphFacts, inWords, shapeInWords, type ValueFacts } from './graph-facts.js';

export const layoutNames = ['torchvision', 'ultralytics', 'yolov5', 'ultralytics-nms'] as const;
export type LayoutName = (typeof layoutNames)[number];

/** What the user says of a model; everything else is read from the file. */
export interface LayoutSettings {
  /** Size of the network's image, px; the file's own when absent. */
  readonly sizeHw?: readonly [number, number];
  /** Classes that the user names. */
  readonly classCount?: number;
  /** Only for layouts that are suppressed by the runtime; that of the source when absent. */
  readonly nmsIou?: number;
  readonly maxDetections?: number;
}

export interface LayoutFit extends ModelIo {
  /** C, where the file says so. */
  readonly classCount?: number;
}

/** Says why a file does not fit a layout. */
export class LayoutMisfit extends Error {}

/** Layouts whose boxes are suppressed by the runtime, with the IoU that their source suppresses at. */
export const suppressionIou = { ultralytics: 0.7, yolov5: 0.45 } as const satisfies Partial<Record<LayoutName, number>>;

/** As both sources return. */
const defaultMaxDetections = 300;

/** Nominal size of a model that takes frames of any size, px. */
const anySizeHw: readonly [number, number] = [640, 640];

/** Mean of ImageNet, 0..255: what the normalisation inside torchvision's graphs makes 0, as its own padding is. */
const imagenetMean: [number, number, number] = [123.675, 116.28, 103.53];

/**
 * The description of a file in a layout.
 * @throws {LayoutMisfit}
 */
export function fitLayout(name: LayoutName, facts: GraphFacts, settings: LayoutSettings): LayoutFit {
  const { task } = readFileMetadata(facts.metadata);
  if (task !== undefined && task !== 'detect') {
    throw new LayoutMisfit(`the file says that its task is "${task}", only "detect" returns boxes alone`);
  }
  if (name === 'torchvision') return fitTorchvision(facts, settings);
  const input = fitLetterbox(facts, settings);
  const table = onlyTable(facts);
  const [, second, third] = table.shape;
  if (name === 'ultralytics-nms') {
    const values = fixedSide(third);
    if (values !== undefined && values !== 6)
      throw new LayoutMisfit(
        `"${table.name}" ${shapeInWords(table.shape)} has ${values} values a row, expected 6: box, score, class`,
      );
    return { input, outputs: { kind: 'finalTable', table: table.name } };
  }
  // YOLOv5 has a row for each candidate, with objectness before the classes; its followers a column without.
  const isYolov5 = name === 'yolov5';
  const [values, candidates] = isYolov5 ? [third, second] : [second, third];
  const classCount = classesIn(table, isYolov5 ? 5 : 4, values, candidates, settings);
  const outputs = {
    kind: 'candidates',
    table: table.name,
    candidatesAre: isYolov5 ? 'rows' : 'columns',
    boxFormat: 'cxcywh',
    hasObjectness: isYolov5,
    nmsIou: settings.nmsIou ?? suppressionIou[name],
    maxDetections: settings.maxDetections ?? defaultMaxDetections,
  } as const;
  return { input, outputs, ...classCount };
}

/** Names of the layouts that a file fits. */
export function fittingLayouts(facts: GraphFacts, settings: LayoutSettings): LayoutName[] {
  return layoutNames.filter((name) => {
    try {
      fitLayout(name, facts, settings);
      return true;
    } catch (error) {
      if (error instanceof LayoutMisfit) return false;
      throw error;
    }
  });
}

/** An image [3, H, W] or [1, 3, H, W] of 0..1; boxes float [N, 4], labels integers [N] from 1, scores float [N]. */
function fitTorchvision(facts: GraphFacts, { sizeHw }: LayoutSettings): LayoutFit {
  const image = onlyInput(facts);
  const { layout, own } = imageSides(image, [3, 4]);
  const networkSizeHw = own ?? sizeHw;
  if (own) checkSize(image, own, sizeHw);
  const input: ImageInput = {
    ...imageBase(image, layout, networkSizeHw ?? anySizeHw),
    // Sizes left open: the graph resizes frames itself.
    fit: networkSizeHw ? 'topLeft' : 'none',
    pad: networkSizeHw ? imagenetMean : [0, 0, 0],
  };
  return { input, outputs: finalOutputs(facts) };
}

/** By the names of torchvision's results, or else by what they are. */
function finalOutputs({ outputs }: GraphFacts): ModelOutputs {
  const labels = ['int64', 'int32'];
  const find = (name: string, rank: number, types: readonly string[]) => {
    const fits = ({ type, shape }: ValueFacts) =>
      types.includes(type) &&
      (shape.length === 0 || shape.length === rank) &&
      (rank === 1 || shape.length === 0 || [undefined, 4].includes(fixedSide(shape[1])));
    const byName = outputs.find((output) => output.name === name);
    if (byName && fits(byName)) return byName.name;
    const byKind = outputs.filter((output) => output.shape.length > 0 && fits(output));
    if (byKind.length === 1) return byKind[0]!.name;
    const expected = `${types.join(' or ')} ${rank === 1 ? '[N]' : '[N,4]'}`;
    throw new LayoutMisfit(
      `${byKind.length === 0 ? 'no output is' : `${byKind.length} outputs are`} ${expected}, the ${name}`,
    );
  };
  return {
    kind: 'final',
    boxes: find('boxes', 2, ['float']),
    scores: find('scores', 1, ['float']),
    classes: find('labels', 1, labels),
    boxesIn: 'network',
    firstClass: 1,
  };
}

/** An image [1, 3, H, W] of 0..1, a frame in its middle with its ratio kept and grey around it. */
function fitLetterbox(facts: GraphFacts, { sizeHw: asked }: LayoutSettings): ImageInput {
  const image = onlyInput(facts);
  const { layout, own } = imageSides(image, [4]);
  const sizeHw = own ?? asked ?? readFileMetadata(facts.metadata).sizeHw;
  if (own) checkSize(image, own, asked);
  if (!sizeHw)
    throw new LayoutMisfit(
      `"${image.name}" ${shapeInWords(image.shape)} leaves height and width open, and the file names none; give a size`,
    );
  const input: ImageInput = { ...imageBase(image, layout, sizeHw), fit: 'center', pad: [114, 114, 114] };
  return input;
}

function imageBase(
  image: ValueFacts,
  layout: 'CHW' | 'NCHW',
  sizeHw: readonly [number, number],
): Omit<ImageInput, 'fit' | 'pad'> {
  const isUint8 = image.type === 'uint8';
  const scale = isUint8 ? 1 : 255;
  return {
    kind: 'image',
    name: image.name,
    layout,
    color: 'RGB',
    networkSizeHw: [...sizeHw],
    ...(isUint8 ? { elementType: 'uint8' } : {}),
    mean: [0, 0, 0],
    std: [scale, scale, scale],
  };
}

function onlyInput({ inputs }: GraphFacts): ValueFacts {
  const [input] = inputs;
  if (!input || inputs.length > 1) throw new LayoutMisfit(`it has ${inputs.length} inputs, expected one image`);
  return input;
}

/** The sides of an image input that the file fixes. */
function imageSides(image: ValueFacts, ranks: readonly number[]) {
  const { shape, type } = image;
  const expected = ranks.map((rank) => (rank === 3 ? '[3,H,W]' : '[1,3,H,W]')).join(' or ');
  const refuse = (what: string) => new LayoutMisfit(`${inWords([image])}: ${what}, expected ${expected}`);
  if (type !== 'float' && type !== 'uint8') throw refuse(`elements of type ${type} instead of float`);
  if (!ranks.includes(shape.length)) throw refuse(`${shape.length} axes`);
  const [channels, height, width] = shape.slice(-3);
  if ((fixedSide(channels) ?? 3) !== 3) throw refuse(`${channels} channels`);
  const batch = shape.length === 4 ? (fixedSide(shape[0]) ?? 1) : 1;
  if (batch !== 1) throw refuse(`${batch} images at once`);
  const [h, w] = [fixedSide(height), fixedSide(width)];
  const own = h !== undefined && w !== undefined ? ([h, w] as const) : undefined;
  return { layout: shape.length === 3 ? ('CHW' as const) : ('NCHW' as const), own };
}

function checkSize(image: ValueFacts, [height, width]: readonly [number, number], asked?: readonly [number, number]) {
  if (asked && (asked[0] !== height || asked[1] !== width))
    throw new LayoutMisfit(`"${image.name}" takes ${width}x${height} px, not ${asked[1]}x${asked[0]}`);
}

/** The output of three axes, the only one: older exports return the raw maps of each level beside it. */
function onlyTable({ outputs }: GraphFacts): ValueFacts {
  const tables = outputs.filter(({ type, shape }) => type === 'float' && shape.length === 3);
  if (tables.length !== 1) {
    const count = tables.length === 0 ? 'no output is' : `${tables.length} outputs are`;
    throw new LayoutMisfit(`${count} a float table of three axes`);
  }
  const [table] = tables as [ValueFacts];
  if ((fixedSide(table.shape[0]) ?? 1) !== 1)
    throw new LayoutMisfit(`"${table.name}" ${shapeInWords(table.shape)} is of ${table.shape[0]} images, expected 1`);
  return table;
}

/**
 * Classes of a table with `first` values in front of the scores.
 * @param values     length of its axis of values
 * @param candidates length of its other axis; a detector has more candidates than values
 */
function classesIn(
  { name, shape }: ValueFacts,
  first: number,
  values: number | string | undefined,
  candidates: number | string | undefined,
  { classCount: asked }: LayoutSettings,
): { classCount?: number } {
  const [v, n] = [fixedSide(values), fixedSide(candidates)];
  if (v === undefined) return {};
  const said = `"${name}" ${shapeInWords(shape)}`;
  if (v <= first)
    throw new LayoutMisfit(`${said} has ${v} values a candidate, expected ${first} and a score per class`);
  if (n !== undefined && n < v)
    throw new LayoutMisfit(`${said} would be ${n} candidates of ${v} values, so its axes are the other way round`);
  if (asked !== undefined && asked !== v - first)
    throw new LayoutMisfit(`${said} has ${v - first} classes, ${asked} are named`);
  return { classCount: v - first };
}
