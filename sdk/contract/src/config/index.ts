export * from './augment.js';
export * from './backbone.js';
export * from './checkpoint.js';
export * from './dataset-files.js';
export * from './engine-record.js';
export * from './line.js';
export * from './manifest.js';
export * from './train.js';
