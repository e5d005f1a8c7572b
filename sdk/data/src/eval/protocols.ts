import { meanOf } from './average-precision.js';
import { type CocoGrid, cocoGrid } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { classNames } from './evaluate-coco.js';
import { evaluateCocoInThreads } from './evaluate-coco-threads.js';
import { bestDeepPcbThreshold, type DeepPcbReading, evaluateDeepPcb } from './evaluate-deeppcb.js';
import { evaluateVoc, type VocEvaluation, type VocRules } from './evaluate-voc.js';

/** What every protocol reports; -1 stands for "no ground truth". */
export interface ProtocolReport {
  readonly protocol: Protocol;
  readonly stats: Readonly<Record<string, number>>;
  /** AP at each IoU threshold; keys '0.50' ... '0.95'. */
  readonly perIou: Readonly<Record<string, number>>;
  /** AP of each category by name. */
  readonly perClass: Readonly<Record<string, number>>;
}

export interface ProtocolOptions {
  /** COCO's detection limits and area ranges; default: COCO's own. */
  readonly grid?: Partial<CocoGrid>;
  /** Default `readme`. */
  readonly deepPcbReading?: DeepPcbReading;
}

type Evaluate = (
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  options: ProtocolOptions,
) => Omit<ProtocolReport, 'protocol'> | Promise<Omit<ProtocolReport, 'protocol'>>;

/**
 * `coco`: AP and AR as pycocotools. `voc07`, `voc10`: the VOC development kits' AP, at ten IoU thresholds; `AP50` is the
 * figure that is usually quoted. `mmdet-voc07`: what the authors of Decoupled R-CNN report, eleven points with
 * mmdetection's boxes, mAP rounded to three decimals at each IoU and their mean rounded again. `deeppcb`: mAP and the best
 * F-score at IoU 0.33.
 */
const evaluators = {
  coco: async (groundTruth, detections, { grid }) => {
    const whole = { ...cocoGrid, ...grid };
    const { stats, perIou, perClass } = await evaluateCocoInThreads(groundTruth, detections, whole);
    return { stats, perIou, perClass };
  },
  voc07: vocProtocol({ ap: 'elevenPoint', boxes: 'devkit' }),
  voc10: vocProtocol({ ap: 'area', boxes: 'devkit' }),
  'mmdet-voc07': vocProtocol({ ap: 'elevenPoint', boxes: 'mmdetection' }, roundHalfEven3),
  deeppcb: (groundTruth, detections, { deepPcbReading: reading = 'readme' }) => {
    const { mAP, perClass } = evaluateDeepPcb(groundTruth, detections, { reading });
    const { threshold, at } = bestDeepPcbThreshold(groundTruth, detections, reading);
    const { fScore: F, precision, recall } = at;
    const names = classNames(groundTruth.categories);
    return {
      stats: { mAP, F, threshold, precision, recall },
      perIou: { '0.33': mAP },
      perClass: reading === 'readme' ? Object.fromEntries(names.map((name, k) => [name, perClass[k] ?? -1])) : {},
    };
  },
} satisfies Record<string, Evaluate>;

export type Protocol = keyof typeof evaluators;
export const protocols = Object.keys(evaluators) as Protocol[];

/** Measures detections by one protocol. */
export async function evaluateProtocol(
  protocol: Protocol,
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  options: ProtocolOptions = {},
): Promise<ProtocolReport> {
  const evaluate: Evaluate = evaluators[protocol];
  return { protocol, ...(await evaluate(groundTruth, detections, options)) };
}

function vocProtocol(rules: VocRules, round: (value: number) => number = (value) => value): Evaluate {
  return (groundTruth, detections) => {
    const { iouThresholds, meanAp, classes } = evaluateVoc(groundTruth, detections, rules);
    const perIou = meanAp.map((value) => (value === null ? -1 : round(value)));
    const at = (iou: number) => perIou[iouThresholds.indexOf(iou)]!;
    const AP = perIou[0] === -1 ? -1 : round(meanOf(perIou));
    return {
      stats: { AP, AP50: at(0.5), AP75: at(0.75), AP90: at(0.9) },
      perIou: Object.fromEntries(iouThresholds.map((iou, t) => [iou.toFixed(2), perIou[t]!])),
      perClass: perClassMeans(groundTruth, classes),
    };
  };
}

function perClassMeans(groundTruth: CocoGroundTruth, classes: VocEvaluation['classes']): Record<string, number> {
  const names = classNames(groundTruth.categories);
  return Object.fromEntries(
    names.map((name, k) => {
      const aps = classes.flatMap((results) => results[k]!.ap ?? []);
      return [name, aps.length > 0 ? meanOf(aps) : -1];
    }),
  );
}

/** Python's round(value, 3) for values from 0 to 1: on the exact binary value, and an exact half goes to the even digit. */
function roundHalfEven3(value: number): number {
  // Three decimals and a half are exact in binary for odd multiples of 1/16 only.
  const isHalf = (value * 16) % 2 === 1;
  return isHalf ? (2 * Math.round(value * 500)) / 1000 : Number(value.toFixed(3));
}
