import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CocoDetections,
  type CocoGroundTruth,
  evaluateDeepPcb,
  evaluateProtocol,
  evaluateVoc,
} from '@plumbline/data/eval';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';

// Own float64 numpy implementation; rules and tolerance are those of the folder's README.
const { folder } = goldenFolder('voc-eval');
const tolerance = 1e-12;

interface GoldenImage {
  boxes: number[][];
  labels: number[];
  difficult: number[];
}
interface GoldenDetection {
  image: number;
  label: number;
  score: number;
  box: number[];
}
interface Curve {
  per_iou: {
    iou: number;
    mAP_11pt: number;
    mAP_area: number;
    classes: { npos: number; tp: number; fp: number; ap_11pt: number | null; ap_area: number | null }[];
  }[];
  mean_11pt: number;
  mean_area: number;
}

const read = <T>(name: string, file: string) => JSON.parse(readFileSync(join(folder, name, file), 'utf8')) as T;
const xywh = ([x1, y1, x2, y2]: number[]) => [x1!, y1!, x2! - x1!, y2! - y1!];

function groundTruthOf(images: readonly GoldenImage[], classes: number): CocoGroundTruth {
  const boxes = images.flatMap((image) => image.boxes);
  const boxesXywh = Float64Array.from(boxes.flatMap(xywh));
  return {
    imageIds: Float64Array.from(images, (_, i) => i + 1),
    categories: Array.from({ length: classes }, (_, k) => ({ id: k + 1, name: `c${k + 1}` })),
    imageIndex: Int32Array.from(images.flatMap(({ labels }, i) => labels.map(() => i))),
    categoryIndex: Int32Array.from(images.flatMap(({ labels }) => labels.map((label) => label - 1))),
    boxesXywh,
    areas: Float64Array.from(boxes, (_, g) => boxesXywh[4 * g + 2]! * boxesXywh[4 * g + 3]!),
    isCrowd: new Uint8Array(boxes.length),
    isDifficult: Uint8Array.from(images.flatMap(({ difficult }) => difficult)),
  };
}

const detectionsOf = (rows: readonly GoldenDetection[]): CocoDetections => ({
  imageIndex: Int32Array.from(rows, ({ image }) => image),
  categoryIndex: Int32Array.from(rows, ({ label }) => label - 1),
  boxesXywh: Float64Array.from(rows.flatMap(({ box }) => xywh(box))),
  scores: Float64Array.from(rows, ({ score }) => score),
});

const close = (actual: number | null | undefined, expected: number | null, what: string) => {
  if (expected === null) return expect(actual, what).toBeNull();
  expect(Math.abs(actual! - expected), `${what}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(tolerance);
};

const cases = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'expected.json')));

describe.each(cases)('VOC figures of %s', (name) => {
  const images = read<GoldenImage[]>(name, 'gt.json');
  const expected = read<{ devkit: Curve; mmdet: Curve; authors: { mAP_rounded: number[]; AP: number } }>(
    name,
    'expected.json',
  );
  const groundTruth = groundTruthOf(images, expected.devkit.per_iou[0]!.classes.length);
  const detections = detectionsOf(read(name, 'detections.json'));

  it.each([
    ['devkit', 'elevenPoint', 'ap_11pt', 'mAP_11pt', 'mean_11pt'],
    ['devkit', 'area', 'ap_area', 'mAP_area', 'mean_area'],
    ['mmdet', 'elevenPoint', 'ap_11pt', 'mAP_11pt', 'mean_11pt'],
    ['mmdet', 'area', 'ap_area', 'mAP_area', 'mean_area'],
  ] as const)('by the rules of %s, %s', (style, ap, perClass, perIou, mean) => {
    const boxes = style === 'devkit' ? 'devkit' : 'mmdetection';
    const evaluation = evaluateVoc(groundTruth, detections, { ap, boxes });
    const reference = expected[style];
    expect(evaluation.iouThresholds).toEqual(reference.per_iou.map(({ iou }) => iou));
    reference.per_iou.forEach((row, t) => {
      close(evaluation.meanAp[t], row[perIou], `mAP at ${row.iou}`);
      row.classes.forEach((wanted, k) => {
        const found = evaluation.classes[t]![k]!;
        const what = `class ${k + 1} at ${row.iou}`;
        close(found.ap, wanted[perClass], what);
        expect([found.positives, found.truePositives, found.falsePositives], what).toEqual([
          wanted.npos,
          wanted.tp,
          wanted.fp,
        ]);
      });
    });
    const all = evaluation.meanAp as number[];
    close(all.reduce((sum, value) => sum + value, 0) / all.length, reference[mean], 'mean over IoU');
  });

  it('by the protocols of the command line', async () => {
    const statsOf = (protocol: 'voc07' | 'voc10' | 'mmdet-voc07') =>
      evaluateProtocol(protocol, groundTruth, detections);
    close((await statsOf('voc07')).stats.AP, expected.devkit.mean_11pt, 'voc07');
    close((await statsOf('voc10')).stats.AP, expected.devkit.mean_area, 'voc10');
    close((await statsOf('voc10')).stats.AP50, expected.devkit.per_iou[0]!.mAP_area, 'voc10 at 0.5');
    const authors = await statsOf('mmdet-voc07');
    expect(Object.values(authors.perIou)).toEqual(expected.authors.mAP_rounded);
    expect(authors.stats.AP).toBe(expected.authors.AP);
  });
});

interface Native {
  detections: string;
  thresholds: Record<
    string,
    {
      script: { precision: number; recall: number; fscore: number; AP: number };
      readme: { mAP: number; precision: number; recall: number; fscore: number; classes: { ap: number | null }[] };
    }
  >;
}

const nativeCases = cases.filter((name) => existsSync(join(folder, name, 'expected-native.json')));

describe.each(nativeCases)("DeepPCB's own figures of %s", (name) => {
  const { detections: file, thresholds } = read<Native>(name, 'expected-native.json');
  const groundTruth = groundTruthOf(read<GoldenImage[]>(name, 'gt.json'), 6);
  const detections = detectionsOf(read(name, file));

  it.each(Object.keys(thresholds))('at score %s, by script and by README', (text) => {
    const { script, readme } = thresholds[text]!;
    const byScript = evaluateDeepPcb(groundTruth, detections, { reading: 'script', minScore: Number(text) });
    close(byScript.mAP, script.AP, 'AP');
    close(byScript.precision, script.precision, 'precision');
    close(byScript.recall, script.recall, 'recall');
    close(byScript.fScore, script.fscore, 'F-score');
    const byReadme = evaluateDeepPcb(groundTruth, detections, { reading: 'readme', minScore: Number(text) });
    close(byReadme.mAP, readme.mAP, 'mAP');
    close(byReadme.precision, readme.precision, 'precision');
    close(byReadme.recall, readme.recall, 'recall');
    close(byReadme.fScore, readme.fscore, 'F-score');
    readme.classes.forEach(({ ap }, k) => {
      close(byReadme.perClass[k], ap, `class ${k + 1}`);
    });
  });

  it('finds the threshold of the best F-score', async () => {
    const { stats } = await evaluateProtocol('deeppcb', groundTruth, detections);
    const readme = (minScore: number) => evaluateDeepPcb(groundTruth, detections, { reading: 'readme', minScore });
    close(stats.mAP, thresholds['0.0']!.readme.mAP, 'mAP');
    close(stats.F, readme(stats.threshold!).fScore, 'F-score');
    for (const { readme: at } of Object.values(thresholds)) expect(stats.F).toBeGreaterThanOrEqual(at.fscore);
    const script = await evaluateProtocol('deeppcb', groundTruth, detections, { deepPcbReading: 'script' });
    close(script.stats.mAP, thresholds['0.0']!.script.AP, 'AP of the script');
  });
});
