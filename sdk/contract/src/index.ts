export * from './api/index.js';
export * from './config/index.js';
export * from './errors/index.js';
export * from './wire/index.js';
export { type Health, type Service } from './service.js';
