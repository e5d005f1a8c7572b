/** How a kernel moves over a map, one entry per axis; absent lists are those of ONNX. */
export interface Window {
  readonly kernel: readonly number[];
  /** Before each axis, then behind each. */
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Whether a last step that reaches beyond the padding counts. */
  readonly isCeil: boolean;
}

/** Steps of a window along an axis. Source: ONNX operators Conv and MaxPool, explicit padding. */
export function windowSteps(size: number, axis: number, { kernel, pads, strides, dilations, isCeil }: Window): number {
  const reach = (kernel[axis]! - 1) * (dilations[axis] ?? 1) + 1;
  const room = size + (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0) - reach;
  const steps = room / (strides[axis] ?? 1);
  return (isCeil ? Math.ceil(steps) : Math.floor(steps)) + 1;
}
