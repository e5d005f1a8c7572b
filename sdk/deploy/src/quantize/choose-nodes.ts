import type { OnnxNode } from '@plumbline/runtime/onnx';
import type { GraphView } from './graph-view.js';
import { isQuantizable } from './qdq-plan.js';

/**
 * Parts of the exported detector whose numbers are boxes and scores, and everything behind them: sorting, decoding and
 * suppression would turn a step of 1/255 of a feature map into a moved box or a changed order.
 */
const boxAndScorePath = /rpn_out$|fc_cls$|fc_reg$|^detections\.|^output\.|decode|^input\./;

/** Parts of the exported detector that compute feature maps and features of regions. */
const featurePath = /^backbone\.|^neck\.|^rpn_head\.p\d\.(rpn_conv|relu)$|^roi_head\.stage\d\..*(fc\d|relu)$/;

/**
 * The nodes of an exported detector that compute in integers: backbone, pyramid, the shared layer of the region
 * proposals and the fully connected layers of the heads. The layers that return boxes and scores stay float.
 */
export function featureNodes(view: GraphView): OnnxNode[] {
  return view.nodes.filter(
    (node) => featurePath.test(node.name) && !boxAndScorePath.test(node.name) && isQuantizable(view, node),
  );
}
