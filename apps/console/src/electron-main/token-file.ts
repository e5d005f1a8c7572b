import { promises as fs } from 'node:fs';
import { PlumblineError } from '@plumbline/contract';

/**
 * The daemon's token, read anew for every connection: it changes with each start of the daemon.
 * @throws {PlumblineError} PLB_CONSOLE_TOKEN_UNREADABLE
 */
export async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_CONSOLE_TOKEN_UNREADABLE', { file, reason }, { cause });
  }
  const token = text.trim();
  if (!token) throw new PlumblineError('PLB_CONSOLE_TOKEN_UNREADABLE', { file, reason: 'it is empty' });
  return token;
}
