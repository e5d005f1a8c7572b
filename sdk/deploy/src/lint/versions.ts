/**
 * What the linter knows of each TensorRT version. Operator tables: docs/operators.md of onnx-tensorrt, branch 8.6-GA
 * (ee0b139b), branch 10.1-GA (96e78110; its changelog adds no operator in 10.2 and 10.3) and the file of TensorRT 10.15;
 * 11.0 is the table of 10.15 and what the notes of NVIDIA/TensorRT v11.0 add.
 */

export const tensorrtVersions = ['8.6', '10.3', '10.15', '11.0'] as const;
export type TensorrtVersion = (typeof tensorrtVersions)[number];

export interface VersionFacts {
  /** Operator sets that the documentation of the ONNX parser names, both included. */
  readonly opset: readonly [lowest: number, highest: number];
  /** Operators of the ONNX domain that the parser has a converter for. */
  readonly operators: ReadonlySet<string>;
  /** Where `opset` and `operators` are written. */
  readonly source: string;
  /** Whether a network can only be built with the types of its graph, without --fp16 and --int8. */
  readonly isStronglyTypedOnly: boolean;
}

const words = (text: string) => text.trim().split(/\s+/);

const operators86 = words(`
  Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip Concat
  Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal
  Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool
  GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish Identity If ImageScaler
  InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop
  LpNormalization LpPool MatMul Max MaxPool Mean MeanVarianceNormalization Min Mod Mul Neg NonMaxSuppression NonZero Not
  OneHot Or PRelu Pad ParametricSoftplus Pow QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform
  RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
  ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round ScaledTanh Scan Scatter
  ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth
  Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor`);
const operators103 = [...operators86, ...words('CastLike DeformConv Gelu Hardmax Mish')];
const operators1015 = [
  ...operators103,
  ...words('Attention BlackmanWindow HammingWindow HannWindow RMSNormalization RotaryEmbedding STFT TensorScatter'),
];
const operators110 = [...operators1015, 'Swish'];

export const versionFacts: Readonly<Record<TensorrtVersion, VersionFacts>> = {
  '8.6': {
    // The document names no lower end; the parser itself refuses operator sets below 7.
    opset: [7, 17],
    operators: new Set(operators86),
    source: 'onnx-tensorrt 8.6-GA, docs/operators.md',
    isStronglyTypedOnly: false,
  },
  '10.3': {
    opset: [9, 20],
    operators: new Set(operators103),
    source: 'onnx-tensorrt 10.1-GA, docs/operators.md; 10.3 changelog',
    isStronglyTypedOnly: false,
  },
  '10.15': {
    opset: [9, 24],
    operators: new Set(operators1015),
    source: 'onnx-tensorrt 10.15, docs/operators.md',
    isStronglyTypedOnly: false,
  },
  '11.0': {
    // The notes of onnx-tensorrt 11.5-GA add opset 25.
    opset: [9, 24],
    operators: new Set(operators110),
    source: 'onnx-tensorrt 10.15, docs/operators.md; NVIDIA/TensorRT v11.0 notes',
    isStronglyTypedOnly: true,
  },
};

/** From which version on a rule holds. */
export function since(version: TensorrtVersion): readonly TensorrtVersion[] {
  return tensorrtVersions.slice(tensorrtVersions.indexOf(version));
}
