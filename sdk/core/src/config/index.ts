export { type ConfigIssue, checkConfig, loadConfig, parseConfig } from './load-config.js';
