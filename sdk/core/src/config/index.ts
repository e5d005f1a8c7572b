export { type ConfigIssue, checkConfig, loadConfig, parseConfig, type Schema } from './load-config.js';
