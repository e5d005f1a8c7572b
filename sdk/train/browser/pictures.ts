import type { PageBox, PagePicture, PagePredictions } from '../src/page/messages.js';
import { byId } from './format.js';

const svgName = 'http://www.w3.org/2000/svg';

/** Validation images with the labelled boxes and those that the model calls. */
export class Pictures {
  private shown: PagePredictions | null = null;

  constructor(
    private readonly classes: readonly string[],
    threshold: number,
  ) {
    const control = byId<HTMLInputElement>('threshold');
    control.value = String(threshold);
    control.oninput = () => this.draw();
  }

  show(predictions: PagePredictions | null): void {
    this.shown = predictions;
    this.draw();
  }

  private draw(): void {
    const threshold = Number(byId<HTMLInputElement>('threshold').value);
    byId('threshold-value').textContent = threshold.toFixed(2);
    if (!this.shown) return;
    const { step, pictures } = this.shown;
    byId('pictures-note').textContent =
      `${pictures.length} images of the validation data as the model saw them after step ${step}. Curves and weights are not touched by looking.`;
    byId('pictures').replaceChildren(...pictures.map((picture) => this.figure(picture, threshold)));
  }

  private figure(picture: PagePicture, threshold: number): HTMLElement {
    const calls = picture.calls.filter(({ score }) => score >= threshold);
    const svg = create('svg', {
      viewBox: `0 0 ${picture.width} ${picture.height}`,
      role: 'img',
      'aria-label': `${picture.name} with ${picture.truths.length} labelled and ${calls.length} called boxes`,
    });
    svg.append(create('image', { href: picture.url, width: picture.width, height: picture.height }));
    for (const { boxXyxy } of picture.truths) svg.append(...box(boxXyxy, 'truth'));
    for (const { boxXyxy } of calls) svg.append(...box(boxXyxy, 'call'));
    for (const { boxXyxy, classId, score } of calls) {
      const text = create('text', { x: boxXyxy[0], y: Math.max(boxXyxy[1] - 5, 14) });
      text.textContent = `${this.classes[classId]} ${score.toFixed(2)}`;
      text.setAttribute('font-size', String(Math.round(picture.width / 40)));
      svg.append(text);
    }
    const caption = document.createElement('figcaption');
    const name = document.createElement('b');
    name.textContent = picture.name;
    caption.append(name, ` ${picture.truths.length} labelled, ${calls.length} called`);
    const figure = document.createElement('figure');
    figure.append(svg, caption);
    return figure;
  }
}

function box([x1, y1, x2, y2]: PageBox['boxXyxy'], kind: string): SVGElement[] {
  const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
  return [create('rect', { ...place, class: 'casing' }), create('rect', { ...place, class: kind })];
}

function create(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(svgName, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
