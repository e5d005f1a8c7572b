import { PlumblineError } from '@plumbline/contract';
import { type SaxesAttributeNS, SaxesParser } from 'saxes';

/** An element of an XML file; of its content either the text or the children matter. */
export interface XmlElement {
  readonly name: string;
  /** Text directly inside, trimmed. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  /** 1-based place of the end of its opening tag. */
  readonly line: number;
  readonly column: number;
}

/** An annotation is a few kB; this much is something else. */
const maxBytes = 16 * 2 ** 20;
/** Annotations nest four deep. */
const maxDepth = 64;

/**
 * Parses a small XML file. A DOCTYPE is refused: entities that grow into gigabytes (the "billion laughs") and references
 * to other files need one, annotations do not.
 * @throws {PlumblineError} PLB_DATA_XML_SYNTAX with the place
 */
export function parseXml(text: string, file: string): XmlElement {
  const parser = new SaxesParser<{ fileName: string }>({ fileName: file });
  const refuse = (problem: string): never => {
    const place = { file, line: parser.line, column: parser.column + 1 };
    throw new PlumblineError('PLB_DATA_XML_SYNTAX', { ...place, problem });
  };
  if (text.length > maxBytes) refuse(`the file has ${text.length} characters, more than ${maxBytes}`);
  const open: { element: XmlElement & { children: XmlElement[]; text: string } }[] = [];
  let root: XmlElement | undefined;
  parser.on('error', (error) => refuse(error.message.replace(/^.*?:\d+:\d+: /, '')));
  parser.on('doctype', () => refuse('a DOCTYPE is not accepted'));
  parser.on('opentag', ({ name }: { name: string; attributes: Record<string, string | SaxesAttributeNS> }) => {
    if (open.length >= maxDepth) refuse(`elements nest more than ${maxDepth} deep`);
    open.push({ element: { name, text: '', children: [], line: parser.line, column: parser.column } });
  });
  const addText = (more: string) => {
    const top = open.at(-1);
    if (top) top.element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const { element } = open.pop()!;
    element.text = element.text.trim();
    const parent = open.at(-1);
    if (parent) parent.element.children.push(element);
    else root = element;
  });
  parser.write(text).close();
  return root ?? refuse('the file holds no element');
}

/** First child of that name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}
