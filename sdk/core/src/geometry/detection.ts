/** One final box. Corners are px of the source frame, x1 <= x2 and y1 <= y2, width = x2 - x1 (no +1). */
export interface Detection {
  /** 0-based class id of the model. */
  readonly classId: number;
  readonly className: string;
  /** 0..1. */
  readonly score: number;
  readonly boxXyxy: readonly [x1: number, y1: number, x2: number, y2: number];
}
