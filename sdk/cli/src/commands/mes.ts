import { readFileSync } from 'node:fs';
import { PlumblineError } from '@plumbline/contract';
import type { MesNotice, MesRecord, MesSubscriber } from '@plumbline/mes';
import type { Command } from 'commander';
import { parseDurationMs } from '../duration.js';
import { parseCount } from '../option-values.js';
import { StopRequest } from '../stop-request.js';

interface TailOptions {
  broker: string;
  filter: string;
  ack?: boolean;
  consumer?: string;
  username?: string;
  passwordFile?: string;
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  count?: string;
  duration?: string;
  events?: boolean;
  json?: boolean;
}

export function registerMes(program: Command): void {
  const mes = program.command('mes').description("the reader's side of a line");
  mes
    .command('tail')
    .description('print a line a result as it arrives, and what was received, repeated and missing at the end')
    .requiredOption('--broker <url>', 'broker such as mqtt://127.0.0.1:1883')
    .option('--filter <topic>', 'stations: enterprise/site/area/line/cell with + and #', '#')
    .option('--ack', 'acknowledge what was printed on the ack topic, so that stations delete it')
    .option('--consumer <name>', 'the broker keeps the messages of this name while it is away')
    .option('--username <name>', 'user name at the broker')
    .option('--password-file <file>', 'file whose first line is the password')
    .option('--ca-file <file>', "PEM file of the authority that signed the broker's certificate")
    .option('--cert-file <file>', 'PEM file of our certificate, together with --key-file')
    .option('--key-file <file>', 'PEM file of our key')
    .option('--count <n>', 'end after n results')
    .option('--duration <time>', 'end after this time, such as 30s')
    .option('--events', 'print events as well')
    .option('--json', 'print each payload as one line of JSON and the summary as the last line')
    .addHelpText('after', '\nExample:\n  $ plumbline mes tail --broker mqtt://127.0.0.1:1883 --ack')
    .action(async (options: TailOptions) => tail(options));
}

async function tail(options: TailOptions): Promise<void> {
  const durationMs = options.duration === undefined ? undefined : parseDurationMs(options.duration);
  const count = options.count === undefined ? undefined : parseCount(options.count, '--count');
  const { MesSubscriber } = await import('@plumbline/mes');
  let wasConnected = false;
  const subscriber = new MesSubscriber({
    url: options.broker,
    filter: options.filter,
    ack: options.ack ?? false,
    ...(options.consumer === undefined ? {} : { consumer: options.consumer }),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.passwordFile === undefined
      ? {}
      : { password: readText(options.passwordFile).split(/\r?\n/, 1)[0] ?? '' }),
    tls: {
      ...(options.caFile === undefined ? {} : { ca: readText(options.caFile) }),
      ...(options.certFile === undefined ? {} : { cert: readText(options.certFile) }),
      ...(options.keyFile === undefined ? {} : { key: readText(options.keyFile) }),
    },
    onNotice: (notice) => {
      wasConnected ||= notice.kind === 'connected';
      process.stderr.write(`${noticeText(options.broker, notice)}\n`);
    },
  });
  const stop = new StopRequest(
    () => {},
    () => process.exit(130),
  );
  void stop.requested.then(() => subscriber.stop());
  const timer = durationMs === undefined ? undefined : setTimeout(() => stop.request(), durationMs);
  try {
    subscriber.start();
    await printRecords(subscriber, options, count);
  } finally {
    clearTimeout(timer);
    stop.dispose();
  }
  const problem = subscriber.problem();
  await subscriber.stop();
  const { received, duplicates, gaps, ...rest } = subscriber.stats();
  if (options.json) process.stdout.write(`${JSON.stringify({ received, duplicates, gaps, ...rest })}\n`);
  else {
    process.stdout.write(
      `received ${received}, duplicates ${duplicates}, gaps ${gaps} (${rest.missing} missing, ${rest.dropped} dropped by stations), events ${rest.events}, invalid ${rest.invalid}\n`,
    );
  }
  if (!wasConnected && problem) throw problem;
}

async function printRecords(subscriber: MesSubscriber, options: TailOptions, count: number | undefined): Promise<void> {
  let results = 0;
  for await (const record of subscriber) {
    if (record.kind === 'result' || options.events) {
      process.stdout.write(`${options.json ? record.body : recordText(record)}\n`);
    }
    if (record.kind === 'result') results += 1;
    // Not `break`: asking for the next record is what confirms the last one.
    if (count !== undefined && results >= count) void subscriber.stop();
  }
}

const verdicts = ['-', 'OK', 'NotOK', 'NotDecidable'];

function recordText(record: MesRecord): string {
  if (record.kind === 'event') {
    const { seq, sourceId, timestamp_ms, type, data } = record.event;
    return `${new Date(timestamp_ms).toISOString()} ${sourceId} #${seq} event ${type} ${JSON.stringify(data)}`;
  }
  const { seq, sourceId, timestamp_ms, resultState, resultEvaluation, resultEvaluationCode, resultContent } =
    record.result;
  const verdict = resultState === 1 ? verdicts[resultEvaluation] : 'no verdict';
  const detections = (resultContent?.detections ?? []).map((d) => `${d.class} ${d.confidence.toFixed(2)}`).join(', ');
  const code = resultEvaluationCode ? ` (${resultEvaluationCode})` : '';
  return `${new Date(timestamp_ms).toISOString()} ${sourceId} #${seq} ${verdict}${code}${detections ? ` ${detections}` : ''}`;
}

function noticeText(broker: string, notice: MesNotice): string {
  switch (notice.kind) {
    case 'connected':
      return `listening at ${broker.replace(/\/\/[^/@]*@/, '//')} (${notice.protocol})`;
    case 'disconnected':
      return `${notice.problem.code}: ${notice.problem.message}; trying again`;
    case 'invalid':
      return `${notice.topic}: not a valid payload (${notice.problem})`;
    case 'conflict':
      return `${notice.sourceId}: two records with seq ${notice.seq}; the store of the station was rolled back`;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_CONFIG_UNREADABLE', { file, reason }, { cause });
  }
}
