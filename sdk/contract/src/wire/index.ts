export * from './ack.js';
export * from './event.js';
export * from './ids.js';
export * from './result.js';
export * from './topics.js';
