import { entry } from './define.js';

export const mesErrors = {
  PLB_MES_BROKER_UNREACHABLE: entry(
    (p: { url: string; reason: string }) => `${p.url}: the broker cannot be reached (${p.reason})`,
    'Check that the broker runs and that address, port, user name and password are right.',
  ),
  PLB_MES_FILTER_INVALID: entry(
    (p: { filter: string }) => `"${p.filter}" is not a topic filter of stations`,
    'Give enterprise/site/area/line/cell, with + for any value of a level or # for all further levels, such as acme/berlin/#.',
    'input',
  ),
} as const;
