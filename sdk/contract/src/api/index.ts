export * from './feed.js';
export * from './status.js';
