import type { FeedPictureHeader } from '@plumbline/contract';
import { ResultEvaluation, ResultState } from '@plumbline/contract';

/** What the verdict block shows. The words are also the drawn ones; each has a shape of its own. */
export type VerdictWord = 'PASS' | 'NG' | 'ERROR' | 'STALE' | 'IDLE' | 'WAIT';

/** The fields of a result that decide the word. */
export type Judged = Pick<FeedPictureHeader, 'resultState' | 'resultEvaluation' | 'resultEvaluationCode'>;

/**
 * The word of one result: Aborted and Failed are ERROR whatever the evaluation says; a result without an evaluation has
 * no word of its own and leaves the line in WAIT.
 */
export function wordOf(result: Judged): VerdictWord {
  if (result.resultState === ResultState.Aborted || result.resultState === ResultState.Failed) return 'ERROR';
  switch (result.resultEvaluation) {
    case ResultEvaluation.OK:
      return 'PASS';
    case ResultEvaluation.NotOK:
      return 'NG';
    case ResultEvaluation.NotDecidable:
      return 'ERROR';
    default:
      return 'WAIT';
  }
}
