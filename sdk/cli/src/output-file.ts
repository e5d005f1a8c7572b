import { PlumblineError } from '@plumbline/contract';
import { writeWhole } from '@plumbline/core/files';

/**
 * Writes a file that the user asked for, whole or not at all, with the folders that it needs.
 * @throws {PlumblineError} PLB_CLI_WRITE_FAILED
 */
export function writeOutput(path: string, content: Uint8Array | string): Promise<void> {
  return writeWhole(
    [[path, content]],
    (params, cause) => new PlumblineError('PLB_CLI_WRITE_FAILED', params, { cause }),
  );
}
