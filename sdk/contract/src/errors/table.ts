import { cliErrors } from './cli.js';
import { configErrors } from './config.js';
import { consoleErrors } from './console.js';
import { coreErrors } from './core.js';
import { daemonErrors } from './daemon.js';
import { dataErrors } from './data.js';
import { deployErrors } from './deploy.js';
import { edgeErrors } from './edge.js';
import { mesErrors } from './mes.js';
import { runtimeErrors } from './runtime.js';
import { trainErrors } from './train.js';

/**
 * Every coded error of the product, one file per package. A code is never renamed or reused; a retired one stays
 * listed at the end of its file. `docs/reference/errors.md` is generated from this table.
 */
export const errorTable = {
  ...configErrors,
  ...coreErrors,
  ...dataErrors,
  ...trainErrors,
  ...runtimeErrors,
  ...deployErrors,
  ...edgeErrors,
  ...mesErrors,
  ...daemonErrors,
  ...consoleErrors,
  ...cliErrors,
} as const;

export type ErrorCode = keyof typeof errorTable;
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof errorTable)[C]['message']>[0];
