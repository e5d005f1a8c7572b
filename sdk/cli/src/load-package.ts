import { PlumblineError } from '@plumbline/contract';

/**
 * Loads a package that an edge box does not carry.
 * @throws {PlumblineError} PLB_CLI_PACKAGE_MISSING when it is not installed
 */
export async function loadOptional<T>(command: string, packageName: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    if (missing && String(cause).includes(packageName)) {
      throw new PlumblineError('PLB_CLI_PACKAGE_MISSING', { command, packageName }, { cause });
    }
    throw cause;
  }
}
