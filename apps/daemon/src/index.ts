export { createDaemon, type Daemon, type DaemonDependencies, type DaemonOptions, type RunSummary } from './daemon.js';
export { type DemoBroker, startDemoBroker } from './demo-broker.js';
export { endAtOnce } from './end-at-once.js';
export { type LineSetup, loadLine } from './line-setup.js';
