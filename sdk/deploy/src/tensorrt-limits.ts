/** TopK of TensorRT takes fewer. Source: onnx-tensorrt docs/operators.md, TopK. */
export const topKLimit = 3840;
