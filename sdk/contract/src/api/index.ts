export * from './status.js';
export * from './feed.js';
