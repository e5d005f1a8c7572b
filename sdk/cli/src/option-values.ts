import { PlumblineError } from '@plumbline/contract';

/** A whole number from 1. @throws {PlumblineError} PLB_CLI_USAGE */
export function parseCount(text: string, option: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw usage(option, text, 'a whole number from 1');
  return value;
}

/** A TCP port; 0 is any free one. @throws {PlumblineError} PLB_CLI_USAGE */
export function parsePort(text: string, option: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535) throw usage(option, text, 'a port from 0 to 65535');
  return value;
}

/** A time in s. @throws {PlumblineError} PLB_CLI_USAGE */
export function parseSeconds(text: string, option: string): number {
  const value = Number(text);
  if (!(value > 0)) throw usage(option, text, 'a number above 0');
  return value;
}

/** A number from 0 to 1. @throws {PlumblineError} PLB_CLI_USAGE */
export function parseScore(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw usage(option, text, 'a number from 0 to 1');
  return value;
}

/**
 * `1280x800` as [height, width].
 * @param multiple what both sides have to be multiples of
 * @throws {PlumblineError} PLB_CLI_USAGE
 */
export function parseSizeHw(text: string, option: string, multiple = 1): [number, number] {
  const [width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text)?.slice(1).map(Number) ?? [];
  if (width && height && width % multiple === 0 && height % multiple === 0) return [height, width];
  const accepted =
    multiple === 1
      ? 'WIDTHxHEIGHT in px, for example 1280x800'
      : `WxH, multiples of ${multiple}, such as ${16 * multiple}x${13 * multiple}`;
  throw usage(option, text, accepted);
}

function usage(option: string, text: string, accepted: string): PlumblineError {
  return new PlumblineError('PLB_CLI_USAGE', { problem: `${option} is "${text}"`, accepted });
}
