import { dataType, type OnnxTensor } from '@plumbline/runtime/onnx';
import type { GraphView } from './graph-view.js';

/** Operators whose constants are weights and biases; elsewhere an infinity may be meant, as in a mask. */
const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * Looks at every weight before any image is calibrated with: a number that is not finite shows up in a later value, if at
 * all (poolings drop NaN), and layers that stay float are not measured.
 * @throws {PlumblineError} PLB_DEPLOY_WEIGHTS_INVALID naming the first node that reads such a weight
 */
export function refuseInvalidWeights(view: GraphView): void {
  const seen = new Set<OnnxTensor>();
  for (const node of view.nodes) {
    if (!weighted.has(node.op_type)) continue;
    for (const name of node.input) {
      const tensor = view.constant(name);
      if (tensor?.data_type !== dataType.float || seen.has(tensor)) continue;
      seen.add(tensor);
      view.floats(tensor, node);
    }
  }
}
