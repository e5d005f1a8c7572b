export * from './ids.js';
export * from './result.js';
export * from './event.js';
export * from './ack.js';
export * from './topics.js';
