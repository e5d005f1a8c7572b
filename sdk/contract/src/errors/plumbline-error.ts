import type { ErrorEntry } from './define.js';
import { type ErrorCode, type ErrorParams, errorTable } from './table.js';

/** What machines get of an error: in `--json` output, MQTT `error` events and API responses. */
export interface ErrorReport {
  code: string;
  message: string;
  help: string;
}

/** An expected failure with a stable code, the values that explain it and the remedy. */
export class PlumblineError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'PlumblineError';
  readonly help: string;
  readonly kind: 'input' | 'failure';

  constructor(
    readonly code: C,
    readonly params: ErrorParams<C>,
    options?: { cause?: unknown },
  ) {
    const definition = errorTable[code] as ErrorEntry<ErrorParams<C>>;
    super(definition.message(params), options);
    this.help = definition.help;
    this.kind = definition.kind;
  }
}

export function isPlumblineError(error: unknown): error is PlumblineError {
  return error instanceof Error && error.name === 'PlumblineError' && 'code' in error;
}

/** Normalises any thrown value to a report; an unexpected one carries the code PLB_UNEXPECTED. */
export function toErrorReport(error: unknown): ErrorReport {
  if (isPlumblineError(error)) return { code: error.code, message: error.message, help: error.help };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'PLB_UNEXPECTED', message, help: errorTable.PLB_UNEXPECTED.help };
}
