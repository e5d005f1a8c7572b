import { PlumblineError } from '@plumbline/contract';
import { expect, it, vi } from 'vitest';
import { sizeOrProblem } from './image-size.js';

/** What sharp says of a missing file when another thread's error came in between. */
vi.mock('./image.js', () => ({
  readImageSize: (file: string) => {
    const cause = new Error('Input file contains unsupported image format');
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: cause.message }, { cause });
  },
}));

it('tells a missing image from an unreadable one whatever the decoder says', async () => {
  const codes: string[] = [];
  const report = (problem: PlumblineError) => codes.push(problem.code);
  expect(await sizeOrProblem('/nowhere/board.jpg', 'board.txt', report)).toBeUndefined();
  expect(await sizeOrProblem(import.meta.filename, 'board.txt', report)).toBeUndefined();
  expect(codes).toEqual(['PLB_DATA_IMAGE_MISSING', 'PLB_DATA_IMAGE_UNREADABLE']);
});
