/** A place in a text, both 1-based. */
export interface TextPlace {
  line: number;
  column: number;
}

/** The first thing that JSON does not allow. */
export interface JsonSyntaxProblem extends TextPlace {
  problem: string;
}

/** One token in groups: string, number, word, punctuation. */
const tokens =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them inside a string unless escaped.
  /[ \t\r\n]*(?:("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|(true|false|null)(?!\w)|([[\]{},:]))/y;

/**
 * Finds where the value at `path` starts, for messages: JSON.parse tells neither the place of a value nor, always, that
 * of an error. Runs only once something is wrong.
 * @param text valid JSON
 * @param path keys and indices from the root, e.g. ['annotations', 3, 'bbox']
 * @returns the place of that value, or of the innermost one on the way to it that exists
 */
export function locateJson(text: string, path: readonly (string | number)[]): TextPlace {
  const scanner = new Scanner(text, path);
  scanner.value(0);
  return placeAt(text, scanner.found);
}

/** Says what is wrong with a text that JSON.parse has refused, and where. */
export function locateJsonError(text: string): JsonSyntaxProblem {
  const scanner = new Scanner(text, []);
  try {
    scanner.value(-1);
    scanner.end();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { ...placeAt(text, error.offset), problem: error.message };
  }
  return { ...placeAt(text, text.length), problem: 'is not valid JSON' };
}

class SyntaxProblem extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

class Scanner {
  /** Offset of the deepest value on the path so far. */
  found = 0;
  private offset = 0;

  constructor(
    private readonly text: string,
    private readonly path: readonly (string | number)[],
  ) {}

  /** @param depth how many steps of the path lead to this value, -1 when it is not on the path */
  value(depth: number): void {
    const token = this.next('a value');
    if (depth >= 0) this.found = this.offset - token.length;
    if (token === '[') this.items(depth);
    else if (token === '{') this.members(depth);
    else if (token === ']' || token === '}' || token === ',' || token === ':') this.refuse(token, 'a value');
  }

  end(): void {
    const rest = this.text.slice(this.offset).trimStart();
    if (rest !== '')
      throw new SyntaxProblem(
        `unexpected ${JSON.stringify(rest.slice(0, 10))} after the document`,
        this.text.length - rest.length,
      );
  }

  private items(depth: number): void {
    if (this.skip(']')) return;
    for (let i = 0; ; i++) {
      this.value(this.path[depth] === i ? depth + 1 : -1);
      const token = this.next(', or ]');
      if (token === ']') return;
      if (token !== ',') this.refuse(token, ', or ]');
    }
  }

  private members(depth: number): void {
    if (this.skip('}')) return;
    for (;;) {
      const key = this.next('a key in double quotes');
      if (!key.startsWith('"')) this.refuse(key, 'a key in double quotes');
      const colon = this.next(':');
      if (colon !== ':') this.refuse(colon, ':');
      this.value(depth >= 0 && this.path[depth] === JSON.parse(key) ? depth + 1 : -1);
      const token = this.next(', or }');
      if (token === '}') return;
      if (token !== ',') this.refuse(token, ', or }');
    }
  }

  private skip(token: string): boolean {
    const before = this.offset;
    if (this.peekIs(token)) return true;
    this.offset = before;
    return false;
  }

  private peekIs(token: string): boolean {
    tokens.lastIndex = this.offset;
    const match = tokens.exec(this.text);
    if (match?.[4] !== token) return false;
    this.offset = tokens.lastIndex;
    return true;
  }

  private next(expected: string): string {
    tokens.lastIndex = this.offset;
    const match = tokens.exec(this.text);
    if (!match) {
      const rest = this.text.slice(this.offset).trimStart();
      const at = this.text.length - rest.length;
      if (rest === '') throw new SyntaxProblem(`the file ends where ${expected} is expected`, at);
      const word = /^[\w.+-]+|^./s.exec(rest)?.[0] ?? '';
      throw new SyntaxProblem(`unexpected ${JSON.stringify(word)} where ${expected} is expected`, at);
    }
    this.offset = tokens.lastIndex;
    return match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
  }

  private refuse(token: string, expected: string): never {
    throw new SyntaxProblem(
      `unexpected ${JSON.stringify(token)} where ${expected} is expected`,
      this.offset - token.length,
    );
  }
}

function placeAt(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf('\n');
  return { line: before.split('\n').length, column: offset - lastBreak };
}
