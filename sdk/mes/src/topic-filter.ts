import { PlumblineError } from '@plumbline/contract';

const levels = 5;
const product = '/_vision_v1';

/**
 * Turns what a person writes into a filter for base topics: `acme/#` becomes `acme/+/+/+/+`, a full topic loses what
 * follows `/_vision_v1`.
 * @throws {PlumblineError} PLB_MES_FILTER_INVALID
 */
export function baseTopicFilter(filter: string): string {
  const base = filter.includes(product) ? filter.slice(0, filter.indexOf(product)) : filter;
  const parts = base.split('/');
  if (parts.at(-1) === '#') parts.splice(-1, 1, ...Array<string>(Math.max(0, levels + 1 - parts.length)).fill('+'));
  const isValid = parts.length === levels && parts.every((part) => part === '+' || /^[^/+#.\s]+$/.test(part));
  if (!isValid) throw new PlumblineError('PLB_MES_FILTER_INVALID', { filter });
  return parts.join('/');
}

/** `a/b/c/d/e/_vision_v1/result` -> base `a/b/c/d/e`, suffix `result`; null for any other topic. */
export function splitTopic(topic: string): { baseTopic: string; suffix: string } | null {
  const at = topic.indexOf(`${product}/`);
  return at < 0 ? null : { baseTopic: topic.slice(0, at), suffix: topic.slice(at + product.length + 1) };
}
