import { PlumblineError } from '@plumbline/contract';
import type { Checkpoint } from './checkpoint.js';

/**
 * Refuses configurations that the graph has no form for, instead of exporting another model than was trained.
 * @throws {PlumblineError} PLB_DEPLOY_MODEL_UNSUPPORTED naming the setting
 */
export function refuseUnsupported({ source, config: { test } }: Checkpoint): void {
  const settings: readonly [key: string, value: unknown, isExported: boolean][] = [
    ['test.resize', 'set', test.resize === null],
  ];
  const refused = settings.find(([, , isExported]) => !isExported);
  if (!refused) return;
  const [key, value] = refused;
  throw new PlumblineError('PLB_DEPLOY_MODEL_UNSUPPORTED', { source, key, value: String(value) });
}
