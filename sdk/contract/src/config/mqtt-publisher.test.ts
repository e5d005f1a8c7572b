import { describe, expect, it } from 'vitest';
import { mqttPublisherSchema } from './line.js';

const base = { kind: 'mqtt', url: 'mqtts://broker.acme:8883', topic: 'acme/berlin/smt/line1/aoi' };
const problemOf = (input: unknown) => mqttPublisherSchema.safeParse(input).error?.issues[0]?.message;

describe('mqttPublisherSchema', () => {
  it('takes the files of a client certificate', () => {
    const tls = { caFile: 'ca.crt', certFile: 'line1.crt', keyFile: 'line1.key' };
    expect(mqttPublisherSchema.parse({ ...base, tls })).toMatchObject({ tls, ack: false, retentionHours: 72 });
  });

  it('refuses a certificate without its key', () => {
    expect(problemOf({ ...base, tls: { certFile: 'line1.crt' } })).toMatch(/belong together/);
  });

  it('refuses certificates on a connection that would not use them', () => {
    expect(problemOf({ ...base, url: 'mqtt://broker.acme', tls: { caFile: 'ca.crt' } })).toMatch(/encrypted/);
  });

  it('refuses a url that is no broker', () => {
    expect(problemOf({ ...base, url: 'http://broker.acme' })).toMatch(/broker URL/);
  });
});
