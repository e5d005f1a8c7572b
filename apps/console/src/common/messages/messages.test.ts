import { describe, expect, it } from 'vitest';
import { de } from './de.js';
import { en, type MessageId } from './en.js';
import { localeOf, messagesOf } from './index.js';
import { pseudoMessage } from './pseudo.js';

const argumentsOf = (text: string) => [...new Set([...text.matchAll(/\{(\w+)[,}]/g)].map((m) => m[1]))].sort();
const ids = Object.keys(en) as MessageId[];

describe('messages', () => {
  it('have the same arguments in German and in the pseudo-locale', () => {
    const shape = (texts: Record<MessageId, string>) =>
      Object.fromEntries(ids.map((id) => [id, argumentsOf(texts[id])]));
    expect(shape(de)).toEqual(shape(en));
    expect(shape(messagesOf('en-XA'))).toEqual(shape(en));
  });

  it('keeps translated verdict words to five letters', () => {
    for (const id of ids.filter((name) => name.startsWith('word.'))) expect(de[id].length).toBeLessThanOrEqual(5);
  });

  it('picks a shipped locale for a language tag and none for others', () => {
    expect([localeOf('de-AT'), localeOf('en-US'), localeOf('en-XA'), localeOf('fr'), localeOf(null)]).toEqual([
      'de',
      'en',
      'en-XA',
      null,
      null,
    ]);
  });
});

describe('pseudoMessage', () => {
  it('accents and lengthens the text and leaves the arguments', () => {
    expect(pseudoMessage('Frame {frame}')).toBe('[Frámé {frame}~~]');
  });
  it('accents the branches of a plural and not its syntax', () => {
    expect(pseudoMessage('{count, plural, one {# box} other {# boxes}}')).toBe(
      '[{count, plural, one {# bóx} other {# bóxés}}~~~]',
    );
  });
});
