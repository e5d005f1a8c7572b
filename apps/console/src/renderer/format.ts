import { useIntl } from 'react-intl';
import type { MessageId } from '../common/messages/index.js';

type Values = Record<string, string | number>;

/** Texts, numbers and times in the chosen language; message ids are checked by the compiler. */
export function useFormat() {
  const intl = useIntl();
  return {
    text: (id: MessageId, values?: Values): string => intl.formatMessage({ id }, values),
    integer: (value: number): string => intl.formatNumber(value, { maximumFractionDigits: 0 }),
    fixed: (value: number, digits: number): string =>
      intl.formatNumber(value, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
    /** hh:mm:ss of a Unix epoch time in ms. */
    time: (ms: number): string =>
      intl.formatTime(ms, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }),
    timeWithMs: (ms: number): string =>
      intl.formatTime(ms, {
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        fractionalSecondDigits: 3,
        hourCycle: 'h23',
      }),
    hourMinute: (ms: number): string => intl.formatTime(ms, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    day: (ms: number): string => intl.formatDate(ms, { weekday: 'short', day: 'numeric', month: 'short' }),
  };
}
