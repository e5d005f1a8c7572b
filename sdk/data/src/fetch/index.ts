export { gitBlobId } from './blob-table.js';
export { type FetchOptions, type FetchReport, fetchDeepPcb } from './fetch-deeppcb.js';
