import { de } from './de.js';
import { en, type MessageId } from './en.js';
import { pseudoMessage } from './pseudo.js';

export type { MessageId } from './en.js';

/** `en-XA` is the pseudo-locale: not offered in the menu, chosen with `?lang=en-XA`. */
export type Locale = 'en' | 'de' | 'en-XA';

/** Locales that the language menu offers, with their own names. */
export const LOCALES: readonly { locale: Locale; name: string; short: string }[] = [
  { locale: 'en', name: 'English', short: 'EN' },
  { locale: 'de', name: 'Deutsch', short: 'DE' },
];

export function messagesOf(locale: Locale): Record<MessageId, string> {
  if (locale === 'de') return de;
  if (locale === 'en') return en;
  const entries = Object.entries(en).map(([id, text]) => [id, id.startsWith('word.') ? text : pseudoMessage(text)]);
  return Object.fromEntries(entries) as Record<MessageId, string>;
}

/** The locale for a requested or preferred language tag; null when it is none of ours. */
export function localeOf(tag: string | null | undefined): Locale | null {
  if (!tag) return null;
  if (tag === 'en-XA') return 'en-XA';
  if (/^de\b/i.test(tag)) return 'de';
  return /^en\b/i.test(tag) ? 'en' : null;
}
