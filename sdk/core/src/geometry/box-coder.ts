import { PlumblineError } from '@plumbline/contract';

export type Stds = readonly [dx: number, dy: number, dw: number, dh: number];

/** |dw| and |dh| are clamped here so that exp() cannot overflow on an untrained head (mmdetection's two-sided clamp). */
export const maxLogScale = Math.log(1000 / 16);

/** Standard deviations of the regression targets of stage 1..4; 1..3 are Cascade R-CNN's, 4 is extrapolated. */
export const stageStds: readonly Stds[] = [
  [0.1, 0.1, 0.2, 0.2],
  [0.05, 0.05, 0.1, 0.1],
  [0.033, 0.033, 0.067, 0.067],
  [1 / 40, 1 / 40, 1 / 20, 1 / 20],
];

export const rpnStds: Stds = [1, 1, 1, 1];

export interface DecodeOptions {
  /** dw and dh are clamped at ±{@link maxLogScale} (`both`, mmdetection) or only from above (`above`, torchvision). */
  readonly clamp?: 'both' | 'above';
}

/**
 * Deltas that turn priors into ground truth; inverse of {@link decodeBoxes}.
 * @param priorsXyxy [N * 4] px, x1 < x2 and y1 < y2
 * @param gtXyxy     [N * 4] px, matched row by row
 * @returns [N * 4] unitless, divided by `stds`
 * @throws {PlumblineError} PLB_CORE_SHAPE_MISMATCH if the row counts differ
 * Source: Faster R-CNN (arXiv:1506.01497) section 3.1.2, eq. 2.
 */
export function encodeBoxes(priorsXyxy: Float32Array, gtXyxy: Float32Array, stds: Stds): Float32Array {
  if (priorsXyxy.length !== gtXyxy.length) {
    throw new PlumblineError('PLB_CORE_SHAPE_MISMATCH', {
      what: 'gtXyxy',
      actual: `[${gtXyxy.length}]`,
      expected: `[${priorsXyxy.length}] as priorsXyxy`,
    });
  }
  const out = new Float32Array(priorsXyxy.length);
  for (let i = 0; i < out.length; i += 4) {
    const pw = priorsXyxy[i + 2]! - priorsXyxy[i]!;
    const ph = priorsXyxy[i + 3]! - priorsXyxy[i + 1]!;
    const gw = gtXyxy[i + 2]! - gtXyxy[i]!;
    const gh = gtXyxy[i + 3]! - gtXyxy[i + 1]!;
    out[i] = (gtXyxy[i]! + gw / 2 - (priorsXyxy[i]! + pw / 2)) / pw / stds[0];
    out[i + 1] = (gtXyxy[i + 1]! + gh / 2 - (priorsXyxy[i + 1]! + ph / 2)) / ph / stds[1];
    out[i + 2] = Math.log(gw / pw) / stds[2];
    out[i + 3] = Math.log(gh / ph) / stds[3];
  }
  return out;
}

/**
 * Applies predicted deltas to priors.
 * @param priorsXyxy [N * 4] px
 * @param deltas     [N * 4] class-agnostic or [N * C * 4] class-specific; unitless, multiplied by `stds` before use
 * @param clipHw     unpadded [height, width] px that the result is clipped to
 * @returns as many boxes as deltas, px, clipped to [0, width] x [0, height]
 * @throws {PlumblineError} PLB_CORE_SHAPE_MISMATCH if the deltas are no multiple of the priors
 * Source: Faster R-CNN section 3.1.2, eq. 2, with the clamp of {@link maxLogScale}.
 */
export function decodeBoxes(
  priorsXyxy: Float32Array,
  deltas: Float32Array,
  stds: Stds,
  clipHw: readonly [number, number],
  { clamp = 'both' }: DecodeOptions = {},
): Float32Array {
  const rows = priorsXyxy.length / 4;
  const perPrior = rows === 0 ? 0 : deltas.length / 4 / rows;
  if (!Number.isInteger(perPrior) || (rows === 0 && deltas.length > 0)) {
    throw new PlumblineError('PLB_CORE_SHAPE_MISMATCH', {
      what: 'deltas',
      actual: `[${deltas.length}]`,
      expected: `a multiple of [${priorsXyxy.length}] as priorsXyxy`,
    });
  }
  const out = new Float32Array(deltas.length);
  const [clipH, clipW] = clipHw;
  const lowest = clamp === 'both' ? -maxLogScale : -Infinity;
  const clampLog = (v: number) => Math.min(maxLogScale, Math.max(lowest, v));
  const clip = (v: number, max: number) => Math.min(max, Math.max(0, v));
  for (let row = 0, i = 0; row < rows; row++) {
    const pw = priorsXyxy[4 * row + 2]! - priorsXyxy[4 * row]!;
    const ph = priorsXyxy[4 * row + 3]! - priorsXyxy[4 * row + 1]!;
    const px = priorsXyxy[4 * row]! + pw / 2;
    const py = priorsXyxy[4 * row + 1]! + ph / 2;
    for (let k = 0; k < perPrior; k++, i += 4) {
      const cx = px + deltas[i]! * stds[0] * pw;
      const cy = py + deltas[i + 1]! * stds[1] * ph;
      const w = pw * Math.exp(clampLog(deltas[i + 2]! * stds[2]));
      const h = ph * Math.exp(clampLog(deltas[i + 3]! * stds[3]));
      out[i] = clip(cx - w / 2, clipW);
      out[i + 1] = clip(cy - h / 2, clipH);
      out[i + 2] = clip(cx + w / 2, clipW);
      out[i + 3] = clip(cy + h / 2, clipH);
    }
  }
  return out;
}
