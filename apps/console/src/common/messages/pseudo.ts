const ACCENTS: Record<string, string> = {
  a: 'á',
  e: 'é',
  i: 'í',
  o: 'ó',
  u: 'ú',
  c: 'ç',
  n: 'ñ',
  y: 'ý',
  A: 'Á',
  E: 'É',
  I: 'Í',
  O: 'Ó',
  U: 'Ú',
  C: 'Ç',
  N: 'Ñ',
  Y: 'Ý',
};

/**
 * Pseudo-translation of one ICU message: accented letters, about a third longer, in brackets. A text on the screen
 * without the brackets was written into the code instead of the catalogue; a cut bracket shows a place too narrow for
 * German. Arguments and plural syntax stay as they are; only the words inside plural branches are accented.
 */
export function pseudoMessage(message: string): string {
  let out = '';
  let letters = 0;
  // Depth 0 and every second level below it is text (`{count, plural, one {text}}`), the levels between are syntax.
  let depth = 0;
  for (const char of message) {
    if (char === '{') depth += 1;
    if (depth % 2 === 0 && /\p{Letter}/u.test(char)) {
      out += ACCENTS[char] ?? char;
      letters += 1;
    } else {
      out += char;
    }
    if (char === '}') depth -= 1;
  }
  return `[${out}${'~'.repeat(Math.ceil(letters / 3))}]`;
}
