import { readFile } from 'node:fs/promises';
import { PlumblineError } from '@plumbline/contract';
import { type NamedTensor, readSafetensors } from '@plumbline/core/safetensors';
import { readPth } from './read-pth.js';

/** Named tensors of a file. */
export interface WeightFile {
  /** Names the source in errors. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** Keys of values that are no tensors. */
  readonly others: readonly string[];
}

/**
 * Reads a file of safetensors, or of `torch.save` as {@link readPth} does; the content decides which, not the name.
 * @throws {PlumblineError} PLB_TRAIN_WEIGHTS_UNREADABLE, PLB_CORE_SAFETENSORS_INVALID, PLB_TRAIN_PTH_INVALID or
 *   PLB_TRAIN_PTH_REFUSED
 */
export async function readWeights(file: string): Promise<WeightFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_TRAIN_WEIGHTS_UNREADABLE', { file, reason }, { cause });
  }
  // Byte 8 of safetensors begins its JSON.
  if (bytes[8] === 0x7b && bytes[0] !== 0x50) {
    return { file, tensors: readSafetensors(bytes, file).tensors, others: [] };
  }
  return { file, ...(await readPth(bytes, file)) };
}
