import type { Locator, Page } from 'playwright';

/** The Run screen by what an operator sees. Selectors and reading only; the specs assert. */
export class RunPage {
  constructor(readonly page: Page) {}

  get verdict(): Locator {
    return this.byId('verdict');
  }
  get well(): Locator {
    return this.byId('well');
  }
  get stamp(): Locator {
    return this.byId('stamp');
  }
  get notice(): Locator {
    return this.byId('notice');
  }
  get banner(): Locator {
    return this.byId('banner');
  }
  get caption(): Locator {
    return this.byId('caption');
  }
  get film(): Locator {
    return this.byId('film');
  }
  get pareto(): Locator {
    return this.byId('pareto');
  }
  get trend(): Locator {
    return this.byId('trend');
  }
  get zoom(): Locator {
    return this.byId('zoom');
  }
  get detections(): Locator {
    return this.byId('detection');
  }
  get filmItems(): Locator {
    return this.page.locator('.film .item');
  }
  get rail(): Locator {
    return this.page.locator('.rail > *');
  }
  get help(): Locator {
    return this.page.getByRole('dialog');
  }
  get toast(): Locator {
    return this.page.locator('.toast');
  }

  byId(id: string): Locator {
    return this.page.getByTestId(id);
  }
  count(id: 'total' | 'good' | 'ng' | 'trigger'): Locator {
    return this.byId(`count-${id}`);
  }
  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  /** Resolves when the verdict block shows the word. */
  async untilWord(word: string): Promise<void> {
    await this.page.locator(`[data-testid="verdict"][data-word="${word}"]`).waitFor();
  }
  async untilPhase(phase: string): Promise<void> {
    await this.page.locator(`[data-testid="verdict"][data-phase="${phase}"]`).waitFor();
  }
  async untilPicture(picture: string): Promise<void> {
    await this.page.locator(`[data-testid="well"][data-picture="${picture}"]`).waitFor();
  }
  async untilFilm(count: number): Promise<void> {
    await this.page.waitForFunction((n) => document.querySelectorAll('.film .item').length === n, count);
  }

  /** Colour of the picture at a share of its width and height, and ids of what both canvases show, read at one instant. */
  readCanvas(x: number, y: number): Promise<{ rgb: number[]; image: string | undefined; overlay: string | undefined }> {
    return this.page.evaluate(
      ([sx, sy]) => {
        const image = document.querySelector<HTMLCanvasElement>('canvas.image')!;
        const overlay = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
        const px = image
          .getContext('2d')!
          .getImageData(Math.round(sx! * image.width), Math.round(sy! * image.height), 1, 1);
        return { rgb: [...px.data.slice(0, 3)], image: image.dataset.frame, overlay: overlay.dataset.frame };
      },
      [x, y],
    );
  }
  /** Number of overlay pixels that are not transparent. */
  overlayInk(): Promise<number> {
    return this.page.evaluate(() => {
      const overlay = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
      const { data } = overlay.getContext('2d')!.getImageData(0, 0, overlay.width, overlay.height);
      let ink = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) ink += 1;
      return ink;
    });
  }
}
