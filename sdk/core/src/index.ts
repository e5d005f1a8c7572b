export * from './config/index.js';
export * from './geometry/index.js';
export * from './image/index.js';
export * from './log/index.js';
export * from './random/index.js';
export * from './safetensors/index.js';
