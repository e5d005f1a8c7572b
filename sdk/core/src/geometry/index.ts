export { type AnchorOptions, gridStrideHw, levelAnchors, pyramidSizesHw, pyramidStrides } from './anchors.js';
export { batchedNms } from './batched-nms.js';
export {
  type DecodeOptions,
  decodeBoxes,
  encodeBoxes,
  maxLogScale,
  rpnStds,
  type Stds,
  stageStds,
} from './box-coder.js';
export { iou, iouMatrix } from './boxes.js';
export { concatFloat32 } from './concat.js';
export { type Conventions, conventions, isAtLeast } from './conventions.js';
export type { Detection } from './detection.js';
export { background, ignored, type MatchOptions, type MatchResult, matchPriors } from './matcher.js';
export { nms } from './nms.js';
export {
  detectPerClass,
  type KeptBox,
  pairsAbove,
  type RegionDetection,
  type ScoredRegions,
  suppressAbove,
  suppressSoftly,
} from './per-class.js';
export {
  type MapShape,
  type RoiAlignOptions,
  type RoiOnMap,
  roiAlign,
  roiAlignGradient,
  roiOnMap,
} from './roi-align.js';
export { type RoiLevelRule, roiLevel } from './roi-level.js';
export { roundHalfEven } from './round-half-even.js';
export { type SoftNmsOptions, type SoftNmsResult, softNmsLinear } from './soft-nms.js';
export { topKIndices } from './top-k.js';
