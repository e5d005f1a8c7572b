import type uPlotTypes from 'uplot';
import type { PageStep, PageValidation } from '../src/page/messages.js';
import { short } from './format.js';

/** Loaded by the document before this module. */
declare const uPlot: typeof uPlotTypes;

/** Line patterns that tell several series of one plot apart. */
const dashes = [[], [8, 4], [2, 4], [10, 4, 2, 4]];
const heightPx = 170;

type Row = PageStep | PageValidation;

interface CurveSpec {
  readonly title: string;
  /** Names of the series where there is more than one. */
  readonly labels: readonly string[];
  /** null is a gap. */
  readonly values: readonly ((row: never) => number | null)[];
  /** Every point, with a mean over the points before. */
  readonly isNoisy: boolean;
  readonly emptyText: string;
}

/** A plot that grows by rows. */
class Curve {
  private readonly figure = document.createElement('figure');
  private readonly readings: HTMLElement[] = [];
  private readonly columns: (number | null)[][];
  private readonly empty = document.createElement('p');
  private plot: uPlotTypes | undefined;

  constructor(
    parent: HTMLElement,
    private readonly spec: CurveSpec,
  ) {
    this.columns = [[], ...spec.values.map(() => [])];
    const caption = document.createElement('figcaption');
    const title = document.createElement('b');
    title.textContent = spec.title;
    const values = document.createElement('span');
    values.className = 'values';
    spec.values.forEach((_, i) => {
      const reading = document.createElement('span');
      if (spec.labels[i]) reading.append(dashSample(dashes[i]!), `${spec.labels[i]} `);
      const figure = document.createElement('span');
      reading.append(figure);
      this.readings.push(figure);
      values.append(reading);
    });
    caption.append(title, values);
    this.empty.className = 'empty';
    this.empty.textContent = spec.emptyText;
    this.figure.append(caption, this.empty);
    parent.append(this.figure);
  }

  add(row: Row): void {
    this.columns[0]!.push(row.step);
    this.spec.values.forEach((value, i) => this.columns[i + 1]!.push(value(row as never)));
  }

  draw(): void {
    const [steps, ...raw] = this.columns as [number[], ...(number | null)[][]];
    if (steps.length === 0) return;
    const smooth = this.spec.isNoisy ? raw.map(trailingMean) : raw;
    const data = (this.spec.isNoisy ? [steps, ...raw, ...smooth] : [steps, ...raw]) as uPlotTypes.AlignedData;
    if (this.plot) this.plot.setData(data);
    else this.plot = this.create(data);
    this.read(null);
  }

  resize(): void {
    this.plot?.setSize({ width: this.width(), height: heightPx });
  }

  repaint(): void {
    this.plot?.redraw(false);
  }

  private width(): number {
    return this.figure.clientWidth - 20;
  }

  /** Writes the values at the pointed step, or the last ones. */
  private read(index: number | null): void {
    this.readings.forEach((element, i) => {
      const offset = this.spec.isNoisy && index === null ? this.readings.length : 0;
      const column = this.plot!.data[1 + offset + i]!;
      const value = column[index ?? column.length - 1];
      element.textContent = typeof value === 'number' ? short(value) : '–';
    });
  }

  private create(data: uPlotTypes.AlignedData): uPlotTypes {
    this.empty.remove();
    const colour = (token: string) => () => getComputedStyle(document.documentElement).getPropertyValue(token);
    const line = (i: number, isRaw: boolean): uPlotTypes.Series => ({
      stroke: colour(isRaw ? '--data-4' : '--data-1'),
      width: isRaw ? 1 : 2,
      ...(isRaw ? {} : { dash: dashes[i]! }),
      points: { show: !isRaw && data[0].length < 3 },
    });
    const { isNoisy, values } = this.spec;
    const axis = {
      stroke: colour('--text-3'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: colour('--data-4'), width: 0.5 },
      ticks: { stroke: colour('--border-strong'), width: 0.5, size: 4 },
    };
    return new uPlot(
      {
        width: this.width(),
        height: heightPx,
        legend: { show: false },
        cursor: { sync: { key: 'steps' }, drag: { x: false, y: false }, y: false, points: { show: false } },
        scales: { x: { time: false } },
        axes: [
          {
            ...axis,
            size: 30,
            values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : '')),
          },
          { ...axis, size: 60, values: (_, ticks) => ticks.map(short) },
        ],
        series: [{}, ...(isNoisy ? values.map((_, i) => line(i, true)) : []), ...values.map((_, i) => line(i, false))],
        hooks: { setCursor: [(plot) => this.plot && this.read(plot.cursor.idx ?? null)] },
      },
      data,
      this.figure,
    );
  }
}

/** Exponential mean over about a fiftieth of the points; gaps keep it. */
function trailingMean(values: readonly (number | null)[]): (number | null)[] {
  const share = 2 / (1 + Math.max(1, values.length / 50));
  let mean: number | null = null;
  return values.map((value) => {
    if (value !== null) mean = mean === null ? value : mean + share * (value - mean);
    return mean;
  });
}

function dashSample(dash: readonly number[]): SVGElement {
  const name = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(name, 'svg');
  svg.setAttribute('viewBox', '0 0 22 6');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(name, 'path');
  path.setAttribute('d', 'M0 3H22');
  path.setAttribute('stroke-width', '2');
  path.setAttribute('stroke-dasharray', dash.join(' '));
  svg.append(path);
  return svg;
}

/** All plots of a run. */
export class Curves {
  private readonly ofSteps: Curve[];
  private readonly ofValidations: Curve;
  private isDrawn = true;

  /** @param first decides which losses and regressors there are */
  constructor(parent: HTMLElement, first: PageStep, hasValidation: boolean) {
    parent.replaceChildren();
    const noisy = (title: string, value: (row: PageStep) => number) =>
      new Curve(parent, { title, labels: [], values: [value], isNoisy: true, emptyText: '' });
    const terms = Object.keys(first.loss).filter((name) => name !== 'total');
    const total = noisy('Loss, total', (row) => row.loss.total!);
    this.ofValidations = new Curve(parent, {
      title: 'AP on the validation data, %',
      labels: [],
      values: [(row: PageValidation) => 100 * row.AP],
      isNoisy: false,
      emptyText: hasValidation
        ? 'No validation yet: validation.everyEpochs says when.'
        : 'Without --val there is nothing to validate on.',
    });
    const iou = new Curve(parent, {
      title: 'Mean IoU of boxes entering regressor',
      labels: first.meanIou.map((_, k) => String(k + 1)),
      values: first.meanIou.map((_, k) => (row: PageStep) => row.meanIou[k] ?? null),
      isNoisy: true,
      emptyText: '',
    });
    this.ofSteps = [
      total,
      iou,
      ...terms.map((name) => noisy(`Loss, ${name}`, (row) => row.loss[name]!)),
      new Curve(parent, {
        title: 'Learning rate',
        labels: [],
        values: [(row: PageStep) => row.learningRate],
        isNoisy: false,
        emptyText: '',
      }),
      noisy('Gradient norm before clipping', (row) => row.gradientNorm),
      noisy('Images a second', (row) => row.imagesPerSecond),
      noisy('Wait for data, ms a step', (row) => 1000 * row.dataSeconds),
    ];
    new ResizeObserver(() => this.each((curve) => curve.resize())).observe(parent);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.each((curve) => curve.repaint()));
  }

  step(row: PageStep): void {
    for (const curve of this.ofSteps) curve.add(row);
    this.drawSoon();
  }

  validation(row: PageValidation): void {
    this.ofValidations.add(row);
    this.drawSoon();
  }

  /** Twice a second at most, however fast steps come. */
  private drawSoon(): void {
    if (!this.isDrawn) return;
    this.isDrawn = false;
    setTimeout(() => {
      this.isDrawn = true;
      this.each((curve) => curve.draw());
    }, 500);
  }

  private each(work: (curve: Curve) => void): void {
    for (const curve of [...this.ofSteps, this.ofValidations]) work(curve);
  }
}
