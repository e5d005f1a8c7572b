/**
 * What Ultralytics writes into the metadata of an .onnx file: Python's text of a value under each key.
 * Seen in ultralytics 8.4.190: `names` "{0: 'person', 1: 'bicycle'}", `imgsz` "[384, 512]" (height, width), `task`
 * "detect", `license`; YOLOv5 7.0 writes `names` alone of these.
 */
export interface FileMetadata {
  /** In class-id order. */
  readonly classes?: readonly string[];
  readonly sizeHw?: readonly [number, number];
  readonly task?: string;
  readonly license?: string;
}

export function readFileMetadata(metadata: ReadonlyMap<string, string>): FileMetadata {
  const classes = parseNames(metadata.get('names') ?? '');
  const sizeHw = parseSize(metadata.get('imgsz') ?? '');
  const [task, license] = [metadata.get('task'), metadata.get('license')];
  return {
    ...(classes ? { classes } : {}),
    ...(sizeHw ? { sizeHw } : {}),
    ...(task ? { task } : {}),
    ...(license ? { license } : {}),
  };
}

const quoted = String.raw`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`;
const entryPattern = new RegExp(`(?:(\\d+)\\s*:\\s*)?(${quoted})`, 'g');

/** Names of a Python dict {0: 'a', 1: 'b'} or list ['a', 'b']; undefined where ids have gaps or a name is empty. */
function parseNames(text: string): string[] | undefined {
  const isDict = text.trimStart().startsWith('{');
  const names: string[] = [];
  let position = 0;
  for (const [, key, literal] of text.matchAll(entryPattern)) {
    names[isDict ? Number(key) : position++] = unquote(literal!);
  }
  // A gap is a hole, which Array.from makes undefined.
  return names.length > 0 && Array.from(names).every((name) => name) ? names : undefined;
}

const named: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unquote(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|(.))/g, (_, x, u, long, plain) =>
      plain === undefined ? String.fromCodePoint(Number.parseInt(x ?? u ?? long, 16)) : (named[plain] ?? plain),
    );
}

function parseSize(text: string): [number, number] | undefined {
  const sides = (text.match(/\d+/g) ?? []).map(Number).filter((side) => side > 0);
  const [height, width = height] = sides;
  return height === undefined || width === undefined || sides.length > 2 ? undefined : [height, width];
}
