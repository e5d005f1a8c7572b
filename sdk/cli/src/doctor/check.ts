/** One line of `plumbline doctor`. */
export interface Check {
  id: string;
  ok: boolean;
  /** A failed required check makes the exit code 1; any other part is needed for some commands only. */
  required: boolean;
  found: string;
  expected: string;
  /** What to do; empty if `ok`. */
  fix: string;
}
