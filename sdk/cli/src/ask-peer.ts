import { spawn } from 'node:child_process';

/** What came of asking another program to do the same job. */
export type PeerAnswer<T> = { readonly answer: T } | { readonly missing: string };

/**
 * Gives a program a job as one JSON document on its standard input and reads one from its standard output. A peer that
 * does not answer is named with the last line of what it said, not counted.
 */
export async function askPeer<T>(command: string, job: object): Promise<PeerAnswer<T>> {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  child.stdin.on('error', () => {}); // ended before it read the job: its exit code says so
  child.stdin.end(JSON.stringify(job));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  try {
    return { answer: JSON.parse(output.stdout) as T };
  } catch {
    const lastLine = output.stderr.trim().split('\n').at(-1) ?? '';
    return { missing: lastLine || `exit code ${code}` };
  }
}
