import type { ProviderAttempt } from '@plumbline/runtime/session';
import { Option } from 'commander';

/** Where a model folder's graph is computed. */
export const providersOption = () =>
  new Option(
    '--providers <list>',
    'where ONNX Runtime computes, the preferred one first, e.g. tensorrt,cuda,cpu; cpu when absent',
  ).argParser((text: string) => text.split(',').map((name) => name.trim()));

/** Says on stderr which of the providers that were asked for are not used, and why. */
export async function printFallback(attempts: readonly ProviderAttempt[]): Promise<void> {
  const { describeFallback } = await import('@plumbline/runtime/session');
  const error = describeFallback(attempts);
  if (error) process.stderr.write(`${error.code}: ${error.message}\n`);
}
