import * as tf from '@tensorflow/tfjs-core';

/** Operation attribute as the binding takes it. */
export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** The part of tfjs-node's backend that runs a TensorFlow operation by its name. */
export interface TensorflowBackend {
  readonly binding: {
    readonly TF_Version: string;
    readonly TF_FLOAT: number;
    readonly TF_INT32: number;
    readonly TF_ATTR_STRING: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_ATTR_TYPE: number;
    /** Whether the backend found a graphics device when it started; it computes on that one then. */
    isUsingGpuDevice(): boolean;
  };
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: tf.Tensor[], count: number): tf.Tensor[];
}

/** True while the current tfjs backend is TensorFlow's library, so that its own operations can be called. */
export function isTensorflow(): boolean {
  return tf.getBackend() === 'tensorflow';
}

/** Runs one of this package's own kernels; it is recorded for the gradient like a stock one. */
export function runKernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attributes: tf.NamedAttrMap = {},
): tf.Tensor[] {
  const outputs = tf.engine().runKernel(name, inputs, attributes) as tf.Tensor | tf.Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** Attribute constructors, named after TensorFlow's attribute types. */
export const attribute = {
  string: (name: string, value: string): OpAttribute => ({ name, type: binding().TF_ATTR_STRING, value }),
  ints: (name: string, value: number[]): OpAttribute => ({ name, type: binding().TF_ATTR_INT, value }),
  float: (name: string, value: number): OpAttribute => ({ name, type: binding().TF_ATTR_FLOAT, value }),
  bool: (name: string, value: boolean): OpAttribute => ({ name, type: binding().TF_ATTR_BOOL, value }),
  floatType: (name: string): OpAttribute => ({ name, type: binding().TF_ATTR_TYPE, value: binding().TF_FLOAT }),
  int32Type: (name: string): OpAttribute => ({ name, type: binding().TF_ATTR_TYPE, value: binding().TF_INT32 }),
};

export function tensorflowBackend(): TensorflowBackend {
  return tf.backend() as unknown as TensorflowBackend;
}

/** Calls a TensorFlow operation with one output. It is invisible to the gradient tape; see {@link defineKernel}. */
export function execute(name: string, attributes: OpAttribute[], inputs: tf.Tensor[]): tf.Tensor {
  return tensorflowBackend().executeSingleOutput(name, attributes, inputs);
}

/** The same for an operation with several outputs. */
export function executeMany(name: string, attributes: OpAttribute[], inputs: tf.Tensor[], count: number): tf.Tensor[] {
  return tensorflowBackend().executeMultipleOutputs(name, attributes, inputs, count);
}

/** Runs `use` with a shape as an int32 vector, which TensorFlow wants as a tensor, and frees it. */
export function withInts<T>(values: readonly number[], use: (tensor: tf.Tensor1D) => T): T {
  const tensor = tf.tensor1d(Int32Array.from(values), 'int32');
  try {
    return use(tensor);
  } finally {
    tensor.dispose();
  }
}

export interface KernelDefinition {
  name: string;
  forward: (inputs: Record<string, tf.Tensor>, attributes: Record<string, unknown>) => tf.Tensor | tf.Tensor[];
  /** Names of inputs, then indices of outputs, that `gradient` receives as `saved`. */
  saveInputs?: string[];
  saveOutputs?: boolean[];
  gradient: (
    dy: tf.Tensor[],
    saved: tf.Tensor[],
    attributes: Record<string, unknown>,
  ) => Record<string, () => tf.Tensor>;
}

/**
 * Defines a differentiable tfjs kernel of the tensorflow backend. A kernel rather than `tf.customGrad`, because
 * that one allows a single output and a batch norm has six. Defining it again changes nothing.
 */
export function defineKernel(definition: KernelDefinition): void {
  if (tf.getKernel(definition.name, 'tensorflow')) return;
  tf.registerKernel({
    kernelName: definition.name,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) =>
      definition.forward(inputs as Record<string, tf.Tensor>, (attrs ?? {}) as Record<string, unknown>) as never,
  });
  tf.registerGradient({
    kernelName: definition.name,
    ...(definition.saveInputs ? { inputsToSave: definition.saveInputs } : {}),
    ...(definition.saveOutputs ? { outputsToSave: definition.saveOutputs } : {}),
    gradFunc: (dy, saved, attrs) =>
      definition.gradient(Array.isArray(dy) ? dy : [dy], saved, attrs as Record<string, unknown>),
  });
}

function binding() {
  return tensorflowBackend().binding;
}
