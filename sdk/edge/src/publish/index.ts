export { type Backoff, fullJitterBackoff } from './backoff.js';
export type { TlsOptions } from './broker-connection.js';
export { type Clock, type RandomSource, systemClock, systemRandom } from './clock.js';
export { MqttPublisher, type MqttPublisherOptions, type PublisherStatus } from './mqtt-publisher.js';
export { Outbox } from './outbox.js';
export { type OutboxReader, type OutboxSummary, openOutboxReader } from './outbox-reader.js';
export type {
  EventDraft,
  EventReceipt,
  OutboxCursors,
  OutboxDraft,
  OutboxOptions,
  OutboxRecord,
  OutboxStats,
  ResultDraft,
  ResultReceipt,
  SafeWhen,
} from './outbox-types.js';
export { toWireDetections, toWireEvent, toWireResult, type WireIdentity } from './to-wire.js';
export { uuidV7Generator } from './uuid-v7.js';
