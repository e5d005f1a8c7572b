import { entry } from './define.js';

export const daemonErrors = {
  PLB_DAEMON_RULE_CLASS_UNKNOWN: entry(
    (p: { file: string; line: number; column: number; rule: string; className: string; accepted: string }) =>
      `${p.file}:${p.line}:${p.column}: rule "${p.rule}" names the class "${p.className}", which the model does not know; it knows ${p.accepted}`,
    "Use one of the model's class names, or '*' for every class.",
    'input',
  ),
  PLB_DAEMON_MODEL_UNUSABLE: entry(
    (p: { file: string; line: number; column: number; reason: string }) =>
      `${p.file}:${p.line}:${p.column}: model: ${p.reason}`,
    'Correct `model` in line.yaml (it is relative to that file): it names a complete folder with manifest.json and model.onnx, as `plumbline export` writes it.',
    'input',
  ),
  PLB_DAEMON_PORT_IN_USE: entry(
    (p: { file: string; host: string; port: number }) => `${p.file}: api.port ${p.port} on ${p.host} is in use`,
    'Stop the process that listens there (perhaps another `plumbline run`), set another api.port in line.yaml, or use port 0 for any free one.',
  ),
  PLB_DAEMON_ADDRESS_INVALID: entry(
    (p: { file: string; host: string; port: number; reason: string }) =>
      `${p.file}: cannot listen on api ${p.host}:${p.port} (${p.reason})`,
    'Set api.host in line.yaml to an address of this machine, and a port that this user may open.',
    'input',
  ),
  PLB_DAEMON_STOP_TIMEOUT: entry(
    (p: { service: string; timeoutMs: number }) => `${p.service} did not stop within ${p.timeoutMs} ms`,
    'The daemon went on stopping the rest. What was stored is kept and delivered after the next start.',
  ),
  PLB_DAEMON_DETECT_TIMEOUT: entry(
    (p: { timeoutMs: number; model: string }) =>
      `${p.model}: no result within ${p.timeoutMs} ms; the detector is started again`,
    'The part was reported as failed. If it happens again, look at the load of the machine and at runtime.threads in line.yaml.',
  ),
  PLB_DAEMON_DETECTOR_DOWN: entry(
    (p: { model: string; reason: string }) => `${p.model}: the detector is being started again (${p.reason})`,
    'Parts are reported as failed until it runs. If it does not come back, check the model folder and the memory of the machine.',
  ),
  PLB_DAEMON_DISK_LOW: entry(
    (p: { path: string; freeMb: number; leastMb: number }) =>
      `${p.path}: ${p.freeMb} MB free, fewer than ${p.leastMb} MB`,
    'Free space on this disk: when it is full no verdict can be stored and no part is accepted.',
  ),
  PLB_DAEMON_STORE_UNUSABLE: entry(
    (p: { path: string; reason: string }) => `store ${p.path}: cannot be used (${p.reason})`,
    'Set `store` in line.yaml to a folder that the user running the daemon may create and write.',
    'input',
  ),
  PLB_DAEMON_BROKER_AWAY: entry(
    (p: { url: string; buffered: number; reason: string }) =>
      `broker ${p.url}: no connection, ${p.buffered} records are buffered (${p.reason})`,
    'Nothing is lost: they are sent when the broker is back. Check that it runs and that publish.url in line.yaml is right.',
  ),
  PLB_DAEMON_FRAMES_DROPPED: entry(
    (p: { dropped: number; seconds: number }) =>
      `inspection is slower than the source: ${p.dropped} frames dropped within ${p.seconds} s`,
    'Lower source.framesPerSecond, give the inference more threads (runtime.threads) or use a faster model.',
  ),
  PLB_DAEMON_UNAUTHORIZED: entry(
    (p: { path: string }) => `${p.path}: the access token is missing or wrong`,
    'Open the address that the daemon prints, or send the token of the file api-token in the store folder as `Authorization: Bearer TOKEN`.',
  ),
  PLB_DAEMON_ORIGIN_REFUSED: entry(
    (p: { origin: string }) => `requests of pages from ${p.origin} are refused`,
    'Use the page that the daemon itself serves, or the desktop console.',
  ),
  PLB_DAEMON_HOST_REFUSED: entry(
    (p: { host: string }) => `the host name "${p.host}" is refused`,
    'Address the daemon by IP address, by localhost or by the name of the machine, or add the name to api.allowedHosts in line.yaml; this stops web pages from reaching it through a name of their own.',
  ),
  PLB_DAEMON_NOT_FOUND: entry(
    (p: { path: string }) => `${p.path}: nothing is served here`,
    'The daemon serves the console at /, the API at /api/status and /api/feed, /healthz and /metrics.',
  ),
} as const;
