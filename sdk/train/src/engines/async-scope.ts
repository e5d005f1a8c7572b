import * as tf from '@tensorflow/tfjs-core';
import { type Reading, readAsync } from './reading.js';
import { refusingFaults } from './webgpu/faults.js';

/** What tfjs keeps about the tape; its types hide it. */
interface EngineState {
  gradientDepth: number;
  activeTape: { readonly saved: readonly tf.Tensor[] }[] | null;
}
interface EngineInternals {
  readonly state: EngineState;
  startTape(): void;
  gradients(f: () => tf.Tensor, xs: tf.Tensor[]): { value: tf.Tensor; grads: (tf.Tensor | null)[] };
}

let last: Promise<unknown> = Promise.resolve();

/** tfjs keeps scopes and tape in one global stack, so that work which waits in between has to come one after the other. */
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const mine = last.then(() => refusingFaults(work));
  last = mine.catch(() => {});
  return mine;
}

/**
 * `tf.tidy` for work that waits for values and results in values: every tensor it made is disposed. One such work at a
 * time; others wait for their turn, so it must not be nested.
 * @throws {PlumblineError} PLB_TRAIN_DEVICE_OUT_OF_MEMORY, PLB_TRAIN_DEVICE_FAILED
 */
export function inScope<Result>(work: () => Reading<Result>): Promise<Result> {
  return inTurn(() => scoped(() => readAsync(work())));
}

/** A tensor as the result is kept. */
async function scoped<Result>(work: () => Promise<Result>): Promise<Result> {
  const engine = tf.engine();
  engine.startScope();
  try {
    const result = await work();
    engine.endScope(result instanceof tf.Tensor ? result : undefined);
    return result;
  } catch (error) {
    engine.endScope();
    throw error;
  }
}

/**
 * `tf.variableGrads` for a loss that waits for values on its way. Takes its turn as {@link inScope} does.
 * @returns the loss and the gradient of each variable that it depends on, by the variable's name
 */
export function variableGradients(
  loss: () => Reading<tf.Scalar>,
  variables: readonly tf.Variable[],
): Promise<{ value: tf.Scalar; grads: tf.NamedTensorMap }> {
  return inTurn(async () => {
    const engine = tf.engine() as unknown as EngineInternals;
    const { state } = engine;
    engine.startTape();
    try {
      const value = await scoped(() => readAsync(loss()));
      const result = engine.gradients(() => {
        // The forward operations are on the tape already. With a depth of one the backward ones are not recorded, and
        // what was saved for them is disposed at the end.
        state.gradientDepth = 1;
        return value;
      }, [...variables]);
      const grads: tf.NamedTensorMap = {};
      variables.forEach((variable, i) => {
        if (result.grads[i]) grads[variable.name] = result.grads[i];
      });
      return { value, grads };
    } catch (error) {
      for (const node of state.activeTape ?? []) for (const tensor of node.saved) tensor.dispose();
      state.activeTape = null;
      state.gradientDepth = 0;
      throw error;
    }
  });
}
