import { PlumblineError } from '@plumbline/contract';
import type { AreaRange, Protocol, ProtocolOptions } from '@plumbline/data/eval';

/** Flags that say how detections are measured. */
export interface ProtocolFlags {
  protocol: string;
  maxDets?: string;
  areaRanges?: string;
  deeppcbReading?: string;
}

export interface ProtocolRequest {
  readonly protocol: Protocol;
  readonly options: ProtocolOptions;
}

/** Written out here so that usage is checked without the data package. */
export const protocolNames = [
  'coco',
  'voc07',
  'voc10',
  'mmdet-voc07',
  'deeppcb',
] as const satisfies readonly Protocol[];
const readings = ['readme', 'script'] as const;

const refuse = (problem: string, accepted: string): never => {
  throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
};

/** @throws {PlumblineError} PLB_CLI_USAGE, also for a flag that the protocol does not use */
export function parseProtocol({ protocol, maxDets, areaRanges, deeppcbReading }: ProtocolFlags): ProtocolRequest {
  const name = protocolNames.find((each) => each === protocol);
  if (!name) return refuse(`--protocol is "${protocol}"`, protocolNames.join(', '));
  if (name !== 'coco' && (maxDets !== undefined || areaRanges !== undefined)) {
    refuse('--max-dets and --area-ranges belong to --protocol coco', 'no such flag here');
  }
  if (name !== 'deeppcb' && deeppcbReading !== undefined) {
    refuse('--deeppcb-reading belongs to --protocol deeppcb', 'no such flag here');
  }
  const reading = readings.find((each) => each === (deeppcbReading ?? 'readme'));
  if (!reading) return refuse(`--deeppcb-reading is "${deeppcbReading}"`, readings.join(', '));
  const grid = parseGrid(maxDets, areaRanges);
  return { protocol: name, options: { deepPcbReading: reading, ...(grid ? { grid } : {}) } };
}

/** COCO's thresholds with other limits or areas; undefined when both flags are absent. */
function parseGrid(maxDets: string | undefined, areaRanges: string | undefined): ProtocolOptions['grid'] {
  if (maxDets === undefined && areaRanges === undefined) return undefined;
  return {
    maxDetections: maxDets === undefined ? [1, 10, 100] : parseLimits(maxDets),
    areaRanges: [everyArea, ...parseAreas(areaRanges ?? 'small:0-1024,medium:1024-9216,large:9216-')],
  };
}

const everyArea: AreaRange = { name: 'all', min: 0, max: 1e10 };

function parseLimits(text: string): number[] {
  const limits = text.split(',').map(Number);
  const isAscending = limits.every((limit, i) => Number.isInteger(limit) && limit > (limits[i - 1] ?? 0));
  return isAscending ? limits : refuse(`--max-dets is "${text}"`, 'ascending whole numbers from 1, such as 1,10,300');
}

function parseAreas(text: string): AreaRange[] {
  const accepted = 'up to seven of NAME:MIN-MAX in px^2, such as tiny:0-256,rest:256-';
  const ranges = text.split(',').map((part) => {
    const [, name, min, max] = /^([a-z]\w*):(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)?$/i.exec(part) ?? [];
    const range = { name: name ?? '', min: Number(min), max: max === undefined ? 1e10 : Number(max) };
    return name && range.min < range.max ? range : refuse(`--area-ranges has "${part}"`, accepted);
  });
  const names = new Set(['all', ...ranges.map(({ name }) => name)]);
  return ranges.length <= 7 && names.size === ranges.length + 1
    ? ranges
    : refuse(`--area-ranges is "${text}"`, accepted);
}
