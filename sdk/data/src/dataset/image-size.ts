import { stat } from 'node:fs/promises';
import { isPlumblineError, PlumblineError } from '@plumbline/contract';
import { readImageSize } from './image.js';
import type { ProblemSink } from './problems.js';

/**
 * Size of a labelled image, or undefined when it has been reported as a problem.
 * @param label the file that refers to the image
 */
export async function sizeOrProblem(
  file: string,
  label: string,
  onProblem: ProblemSink,
): Promise<{ width: number; height: number } | undefined> {
  try {
    return await readImageSize(file);
  } catch (cause) {
    // The decoder's words do not tell: libvips keeps one error text for all threads (8 of 64,000 were another file's).
    const isMissing = await stat(file).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    const problem = isMissing ? new PlumblineError('PLB_DATA_IMAGE_MISSING', { file, label }, { cause }) : cause;
    if (!isPlumblineError(problem)) throw problem;
    onProblem(problem);
    return undefined;
  }
}
