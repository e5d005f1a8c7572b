/** Shapes in this module: A anchors of all levels; boxes flat xyxy px of the network input. No gradient passes here. */
import {
  type Conventions,
  conventions,
  decodeBoxes,
  isAtLeast,
  nms,
  rpnStds,
  topKIndices,
} from '@plumbline/core/geometry';

/** The best anchors of each level, decoded; the one set from which both proposal sets are suppressed. */
export interface Candidates {
  readonly boxesXyxy: Float32Array;
  /** Logits; their order is that of the sigmoid. */
  readonly scores: Float32Array;
  /** First candidate of each level, and the total at the end: levels + 1 entries. */
  readonly levelStart: readonly number[];
}

export interface Proposals {
  readonly boxesXyxy: Float32Array;
  readonly scores: Float32Array;
}

/**
 * @param logits      [A] of one image
 * @param deltas      [A * 4] of one image
 * @param anchors     per level, [a * 4]
 * @param preNms      best anchors kept per level
 * @param clipHw      unpadded image size, px
 * @param conventions decide the clamp of deltas and the smallest box that stays
 */
export function selectCandidates(
  logits: Float32Array,
  deltas: Float32Array,
  anchors: readonly Float32Array[],
  preNms: number,
  clipHw: readonly [number, number],
  { clamp, minProposalSide }: Conventions = conventions.mmdetection,
): Candidates {
  const boxes: Float32Array[] = [];
  const scores: number[] = [];
  const levelStart = [0];
  let offset = 0;
  for (const levelAnchors of anchors) {
    const count = levelAnchors.length / 4;
    const top = topKIndices(logits.subarray(offset, offset + count), preNms);
    const priors = new Float32Array(top.length * 4);
    const picked = new Float32Array(top.length * 4);
    for (let i = 0; i < top.length; i++) {
      const index = top[i]!;
      for (let k = 0; k < 4; k++) {
        priors[4 * i + k] = levelAnchors[4 * index + k]!;
        picked[4 * i + k] = deltas[4 * (offset + index) + k]!;
      }
    }
    const decoded = decodeBoxes(priors, picked, rpnStds, clipHw, { clamp });
    let kept = 0;
    for (let i = 0; i < top.length; i++) {
      if (minProposalSide > 0 && !isAtLeast(decoded, i, minProposalSide)) continue;
      decoded.copyWithin(4 * kept++, 4 * i, 4 * i + 4);
      scores.push(logits[offset + top[i]!]!);
    }
    boxes.push(decoded.subarray(0, 4 * kept));
    levelStart.push(scores.length);
    offset += count;
  }
  const boxesXyxy = new Float32Array(scores.length * 4);
  levelStart.slice(0, -1).forEach((start, level) => boxesXyxy.set(boxes[level]!, 4 * start));
  return { boxesXyxy, scores: Float32Array.from(scores), levelStart };
}

/**
 * One proposal set: NMS per level, merged by score (ties to the lower candidate), cut to `postNms`.
 * Called twice on the same candidates, at T_cls and at T_reg (Decoupled R-CNN, section III-B).
 */
export function suppressCandidates(candidates: Candidates, nmsIou: number, postNms: number): Proposals {
  const { boxesXyxy, scores, levelStart } = candidates;
  const kept: number[] = [];
  for (let level = 0; level + 1 < levelStart.length; level++) {
    const start = levelStart[level]!;
    const order = Array.from({ length: levelStart[level + 1]! - start }, (_, i) => start + i);
    // No more than postNms of one level can survive the merge.
    kept.push(...nms(boxesXyxy, order, nmsIou, postNms));
  }
  kept.sort((a, b) => scores[b]! - scores[a]! || a - b);
  kept.length = Math.min(kept.length, postNms);
  const out = new Float32Array(kept.length * 4);
  kept.forEach((index, i) => out.set(boxesXyxy.subarray(4 * index, 4 * index + 4), 4 * i));
  return { boxesXyxy: out, scores: Float32Array.from(kept, (index) => scores[index]!) };
}
