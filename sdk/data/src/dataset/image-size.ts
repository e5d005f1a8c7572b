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
    const isMissing = cause instanceof Error && /missing|no such file/i.test(String(cause.cause));
    const problem = isMissing ? new PlumblineError('PLB_DATA_IMAGE_MISSING', { file, label }, { cause }) : cause;
    if (!isPlumblineError(problem)) throw problem;
    onProblem(problem);
    return undefined;
  }
}
