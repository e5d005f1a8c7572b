export * from './api/index.js';
export * from './config/index.js';
export * from './errors/index.js';
export type { Health, Service } from './service.js';
export * from './wire/index.js';
