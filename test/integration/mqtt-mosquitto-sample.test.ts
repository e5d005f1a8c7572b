import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { resultDraft, startReader, startStation, until } from '../fixtures/station.js';

const hasOpenssl = spawnSync('openssl', ['version']).error === undefined;
if (!mosquittoProgram) console.warn(mosquittoMissing);
if (!hasOpenssl) console.warn('skipped: openssl is not installed (apt-get install openssl)');
const sampleDir = join(import.meta.dirname, '../../firmware-configs/system/mosquitto');

/** An authority, and a certificate with key for each name. */
function makeCertificates(folder: string, names: readonly string[]) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=plant authority', '-days', '2');
  for (const name of names) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(folder, `${name}.ext`), 'subjectAltName=IP:127.0.0.1\n');
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed);
  }
  const pem = (file: string) => readFileSync(join(folder, file), 'utf8');
  return (name: string) => ({ ca: pem('ca.crt'), cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
}

/** The shipped sample, with its paths below `folder` and its listener on a loopback port. */
function sampleSettings(folder: string): string[] {
  const place: Record<string, string> = {
    cafile: join(folder, 'ca.crt'),
    certfile: join(folder, 'broker.crt'),
    keyfile: join(folder, 'broker.key'),
    acl_file: join(sampleDir, 'acl'),
    persistence_location: `${join(folder, 'store')}/`,
    log_dest: `file ${join(folder, 'mosquitto.log')}`,
  };
  return readFileSync(join(sampleDir, 'mosquitto.conf'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('listener'))
    .map((line) => {
      const name = line.split(' ', 1)[0]!;
      return place[name] === undefined ? line : `${name} ${place[name]}`;
    });
}

async function startSampleBroker(names: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-sample-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'store'));
  // Started as root, Mosquitto changes to its own user, who must be able to read and write here.
  execFileSync('chmod', ['777', folder, join(folder, 'store')]);
  const tlsOf = makeCertificates(folder, ['broker', ...names]);
  execFileSync('sh', ['-c', `chmod 644 '${folder}'/*.key`]);
  const broker = await Mosquitto.start(sampleSettings(folder), { isBare: true });
  return { url: broker.url.replace('mqtt:', 'mqtts:'), tlsOf, broker };
}

describe.skipIf(!mosquittoProgram || !hasOpenssl)('the shipped mosquitto.conf and acl', () => {
  it('let a line deliver to the MES and be acknowledged, over certificates', async () => {
    const { url, tlsOf } = await startSampleBroker(['line1.aoi', 'mes']);
    const { subscriber, ids } = startReader(url, { filter: 'acme/#', consumer: 'mes-1', tls: tlsOf('mes') });
    await until(
      'the MES listens',
      () => subscriber.isConnected,
      10_000,
      () => subscriber.problem()?.message ?? '',
    );
    const { outbox, publisher } = await startStation(url, { publisher: { tls: tlsOf('line1.aoi') } });
    const receipts = await Promise.all(Array.from({ length: 50 }, () => outbox.append(resultDraft())));
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      10_000,
      () => publisher.problem()?.message ?? '',
    );
    expect(ids).toEqual(receipts.map(({ resultId }) => resultId));
  });

  it('keep another line from publishing in its name: PLB_EDGE_PUBLISH_REFUSED, and nothing is lost', async () => {
    const { url, tlsOf } = await startSampleBroker(['line2.aoi']);
    const { outbox, publisher } = await startStation(url, { publisher: { tls: tlsOf('line2.aoi') } });
    await outbox.append(resultDraft());
    await until(
      'it is refused',
      () => publisher.problem()?.code === 'PLB_EDGE_PUBLISH_REFUSED',
      10_000,
      () => JSON.stringify([publisher.status(), publisher.problem()?.message]),
    );
    expect(publisher.problem()?.message).toMatch(/Not authorized/);
    expect(outbox.stats()).toMatchObject({ depth: 1, published: 0 });
  });

  it('let nobody in without a certificate of the plant', async () => {
    const { url, tlsOf } = await startSampleBroker(['mes']);
    const { publisher } = await startStation(url, { publisher: { tls: { ca: tlsOf('mes').ca } } });
    await until('it is refused', () => publisher.problem() !== null);
    expect(publisher.status().state).not.toBe('connected');
    const { subscriber } = startReader(url, { tls: {} });
    await until('it does not trust the broker', () => subscriber.problem() !== null);
    expect(subscriber.problem()?.message).toMatch(/self-signed certificate|UNABLE|SELF_SIGNED/i);
  });
});
