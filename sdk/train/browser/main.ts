import type { PageEnd, PageMessage, PageStep, PageValidation, RunFacts } from '../src/page/messages.js';
import { Curves } from './curves.js';
import { byId, duration, short } from './format.js';
import { Pictures } from './pictures.js';

/** Steps that the figures at the top are the mean of. */
const recentSteps = 50;

/** The whole page: what one connection has said so far. */
class TrainingView {
  private readonly recent: PageStep[] = [];
  private best: PageValidation | undefined;
  private curves: Curves | undefined;
  private readonly pictures: Pictures;
  private isShown = true;

  constructor(
    private readonly facts: RunFacts,
    private end: PageEnd | null,
  ) {
    this.pictures = new Pictures(facts.classes, facts.scoreThreshold);
    byId('title').textContent = facts.out;
    document.title = `${facts.out} – Plumbline training`;
    byId<HTMLProgressElement>('progress').max = facts.totalSteps;
    byId('pictures-note').textContent = facts.validation
      ? 'The first look comes with the first step.'
      : 'Name validation data with --val to see what the model finds in it.';
    const rows = Object.entries({
      model: facts.model,
      data: facts.data,
      validation: facts.validation ?? 'none',
      engine: facts.engine,
    });
    byId('facts').replaceChildren(
      ...rows.flatMap(([name, value]) => {
        const [term, description] = [document.createElement('dt'), document.createElement('dd')];
        term.textContent = name;
        description.textContent = value;
        return [term, description];
      }),
    );
  }

  take(message: Exclude<PageMessage, { kind: 'state' }>): void {
    if (message.kind === 'step') this.step(message);
    else if (message.kind === 'validation') this.validation(message);
    else if (message.kind === 'predictions') this.pictures.show(message);
    else this.end = message;
    this.showSoon();
  }

  private step(row: PageStep): void {
    this.curves ??= new Curves(byId('curves'), row, this.facts.validation !== null);
    this.curves.step(row);
    this.recent.push(row);
    if (this.recent.length > recentSteps) this.recent.shift();
  }

  private validation(row: PageValidation): void {
    if (!this.best || row.AP > this.best.AP) this.best = row;
    this.curves?.validation(row);
  }

  /** Of the recent steps that had rows for the regressor. */
  private meanIou(k: number): string {
    const known = this.recent.map(({ meanIou }) => meanIou[k]!).filter((iou) => iou !== null);
    return known.length > 0 ? (known.reduce((sum, iou) => sum + iou, 0) / known.length).toFixed(2) : '–';
  }

  private showSoon(): void {
    if (!this.isShown) return;
    this.isShown = false;
    setTimeout(() => {
      this.isShown = true;
      this.show();
    }, 250);
  }

  private show(): void {
    const last = this.recent.at(-1);
    if (!last) return;
    const mean = (of: (row: PageStep) => number) =>
      this.recent.reduce((sum, row) => sum + of(row), 0) / this.recent.length;
    const imagesPerSecond = mean((row) => row.imagesPerSecond);
    const { totalSteps, imagesPerStep } = this.facts;
    byId<HTMLProgressElement>('progress').value = last.step;
    const left = ((totalSteps - last.step) * imagesPerStep) / imagesPerSecond;
    setStatus(
      this.end ? 'ended' : 'training',
      this.end
        ? `Ended after step ${this.end.step} of ${totalSteps}: ${this.end.why}.`
        : `Step ${last.step} of ${totalSteps}, epoch ${last.epoch.toFixed(2)}, about ${duration(left)} left.`,
    );
    const tiles: [string, string, string][] = [
      ['total loss', short(mean((row) => row.loss.total!)), `mean of ${this.recent.length} steps`],
      ['images a second', short(imagesPerSecond), `${imagesPerStep} a step`],
      ['learning rate', short(last.learningRate), 'of the last step'],
      ['mean IoU', last.meanIou.map((_, k) => this.meanIou(k)).join(' · '), 'of boxes entering each regressor'],
      [
        'best AP',
        this.best ? `${(100 * this.best.AP).toFixed(1)} %` : '–',
        this.best ? `at step ${this.best.step}` : 'no validation yet',
      ],
    ];
    byId('tiles').replaceChildren(...tiles.map(([name, value, note]) => tile(name, value, note)));
  }
}

function tile(name: string, value: string, note: string): HTMLElement {
  const item = document.createElement('li');
  for (const [tag, text, kind] of [
    ['span', name, 'name'],
    ['b', value, ''],
    ['span', note, ''],
  ] as const) {
    const element = document.createElement(tag);
    element.textContent = text;
    element.className = kind;
    item.append(element);
  }
  return item;
}

function setStatus(state: 'training' | 'ended' | 'lost', text: string): void {
  const status = byId('status');
  status.dataset.state = state;
  status.textContent = text;
}

let view: TrainingView | undefined;
let isOver = false;
const events = new EventSource('/events');
events.onmessage = ({ data }) => {
  const message: PageMessage = JSON.parse(data);
  if (message.kind !== 'state') {
    if (message.kind === 'end') {
      isOver = true;
      events.close();
    }
    view?.take(message);
    return;
  }
  view = new TrainingView(message.facts, message.end);
  for (const step of message.steps) view.take({ kind: 'step', ...step });
  for (const validation of message.validations) view.take({ kind: 'validation', ...validation });
  if (message.predictions) view.take({ kind: 'predictions', ...message.predictions });
};
events.onerror = () => {
  if (!isOver)
    setStatus(
      'lost',
      `No connection to the training process since ${new Date().toLocaleTimeString()}. What stands here is what it said last.`,
    );
};
