/** Names that the exporter gives to parts of a detector, as later passes choose nodes by them. */

/**
 * Parts of the exported detector whose numbers are boxes and scores, and everything behind them: sorting, decoding and
 * suppression would turn a step of 1/255 of a feature map into a moved box or a changed order.
 */
const boxAndScorePath = /rpn_out$|fc_cls$|fc_reg$|^detections\.|^output\.|decode|^input\./;

/** Parts of the exported detector that compute feature maps and features of regions. */
const featurePath = new RegExp(
  [
    '^backbone\\.',
    '^neck\\.',
    '^rpn_head\\.p\\d\\.(rpn_conv|relu)$',
    '^roi_head\\.stage\\d\\..*(fc\\d|relu)$',
    // The convolutional branch of Double-Head.
    '^roi_head\\.stage\\d\\.reg_branch\\.(res|bottlenecks\\.\\d)\\.(conv(\\d|_identity)|relu\\d|add)$',
  ].join('|'),
);

/** Passes features on between such parts. */
const passesOn = /^roi_head\.stage\d\.branches$/;

/** Whether a node, by its name, is part of a layer that computes features, and none that returns boxes or scores. */
export function isFeatureLayer(name: string): boolean {
  return featurePath.test(name) && !boxAndScorePath.test(name);
}

/** Whether a node, by its name, may compute in float16: the layers and what passes features on between them. */
export function computesFeatures(name: string): boolean {
  return isFeatureLayer(name) || passesOn.test(name);
}
