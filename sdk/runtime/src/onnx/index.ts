export { decodeModel, encodeModel } from './codec.js';
export {
  attributeType,
  type DataType,
  dataType,
  describeValue,
  type Int64,
  type OnnxAttribute,
  type OnnxDimension,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  toNumber,
} from './model.js';
