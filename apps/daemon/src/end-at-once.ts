/**
 * Ends this process without unwinding it. `process.exit` stops worker threads in the middle of native inference, whose
 * binding then throws in C++ and aborts the process with a core dump (onnxruntime-node 1.30); a SIGKILL ends it silently.
 * What was accepted is on disk by then. The exit code is 137.
 */
export function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}
