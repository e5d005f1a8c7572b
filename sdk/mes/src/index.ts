export type { TlsOptions } from './connect.js';
export {
  type MesNotice,
  type MesRecord,
  type MesStats,
  MesSubscriber,
  type MesSubscriberOptions,
  type ReceivedEvent,
  type ReceivedResult,
  type StreamGap,
} from './mes-subscriber.js';
export { type Arrival, type SeqGap, StreamTracker } from './stream-tracker.js';
export { baseTopicFilter } from './topic-filter.js';
