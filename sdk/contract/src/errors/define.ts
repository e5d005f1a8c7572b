/** One entry of the coded error table: how the message is built from its values, and what the reader does next. */
export interface ErrorEntry<P> {
  /** Says what is wrong and where, from the values the thrower supplies. */
  message: (params: P) => string;
  /** Says what to do next. */
  help: string;
  /** `input`: wrong usage or an invalid input file (exit code 2); `failure`: the work failed (exit code 1). */
  kind: 'input' | 'failure';
}

/** Keeps the parameter type of an entry while the table is built from literals. */
export function entry<P>(
  message: (params: P) => string,
  help: string,
  kind: ErrorEntry<P>['kind'] = 'failure',
): ErrorEntry<P> {
  return { message, help, kind };
}
