import * as tf from '@tensorflow/tfjs-core';

/** Values that one workgroup takes at least: it has as many threads. */
const leastOfPart = 256;

const replaced = new Set<string>();

/**
 * Puts another kernel in the place of tfjs' own; a second time changes nothing.
 * @param make gets tfjs' kernel, for the cases that it does well
 */
export function replaceKernel(kernelName: string, make: (stock: tf.KernelFunc) => tf.KernelFunc): void {
  if (replaced.has(kernelName)) return;
  replaced.add(kernelName);
  const stock = tf.getKernel(kernelName, 'webgpu')!;
  tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({ ...stock, kernelFunc: make(stock.kernelFunc) });
}

/** Into how many equal parts `values` are to be cut: at most `wanted`, none smaller than a workgroup takes. */
export function partsOf(values: number, wanted: number): number {
  for (let parts = Math.floor(Math.min(wanted, values / leastOfPart)); parts > 1; parts--)
    if (values % parts === 0) return parts;
  return 1;
}
