import { readFile, rm, writeFile } from 'node:fs/promises';
import { PlumblineError } from '@plumbline/contract';

/**
 * Runs `work` while no other process does. A lock left behind by a process that no longer exists is taken over.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_BUSY
 */
export async function withLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      await writeFile(lockFile, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(await readFile(lockFile, 'utf8').catch(() => '0'));
      if (isRunning(pid)) throw new PlumblineError('PLB_TRAIN_SETUP_BUSY', { lockFile, pid });
      await rm(lockFile, { force: true });
    }
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
