import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CocoDetections, CocoGroundTruth } from '@plumbline/data/eval';
import {
  cropAround,
  darkTokens,
  type EvaluationRecord,
  html,
  lightTokens,
  pictureTokens,
  renderComparison,
  renderReport,
} from '@plumbline/data/report';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const hostile = `<img src=x onerror="alert('1')">`;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-report-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** `count` images; each has one label at 40, 40 and one detection far from it. */
function record(count: number, parts: Partial<EvaluationRecord> = {}): EvaluationRecord {
  const images = Int32Array.from({ length: count }, (_, i) => i);
  const boxes = (box: readonly number[]) => Float64Array.from({ length: count * 4 }, (_, i) => box[i % 4]!);
  const groundTruth: CocoGroundTruth = {
    imageIds: Float64Array.from(images, (i) => i + 1),
    categories: [{ id: 1, name: hostile }],
    imageIndex: images,
    categoryIndex: new Int32Array(count),
    boxesXywh: boxes([40, 40, 400, 400]),
    areas: new Float64Array(count).fill(160_000),
    isCrowd: new Uint8Array(count),
  };
  const detections: CocoDetections = {
    imageIndex: images,
    categoryIndex: new Int32Array(count),
    boxesXywh: boxes([1000, 1000, 300, 300]),
    scores: new Float64Array(count).fill(0.9),
  };
  return {
    modelId: hostile,
    dataset: `"${hostile}"`,
    protocol: 'coco',
    evaluatedAt: '2026-01-01',
    scoreThreshold: 0.5,
    groundTruth,
    detections,
    ...parts,
  };
}

describe('html', () => {
  it('escapes every value that is not markup itself', () => {
    const cell = html`<td title="${'"\'`'}">${'<&>'}${html`<b>${1}</b>`}${[null, false, undefined, 'a']}</td>`;
    expect(cell.text).toBe('<td title="&#34;&#39;&#96;">&#60;&#38;&#62;<b>1</b>a</td>');
  });
});

describe('renderReport', () => {
  it('escapes class names, model and dataset wherever they stand', async () => {
    const pages = [await renderReport(record(3)), await renderComparison(record(3), record(3))];
    for (const page of pages) {
      expect(page).not.toContain('<img');
      expect(page).toContain('&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;');
    }
  });

  it('names nothing outside the file', async () => {
    const page = await renderReport(record(2));
    expect(page.match(/<(link|iframe|object|embed|base)\b|@import|\bsrc=(?!x)|https?:/g)).toBeNull();
    expect([...page.matchAll(/\bhref="(?!#|data:)[^"]*"/g)]).toEqual([]);
    expect([...page.matchAll(/url\((?!#)/g)]).toEqual([]);
  });

  it('stays below 3 MB when every crop is noise', async () => {
    const file = join(dir, 'noise.png');
    const noise = { type: 'gaussian' as const, mean: 128, sigma: 80 };
    await sharp({ create: { width: 1600, height: 1400, channels: 3, background: 'black', noise } })
      .png()
      .toFile(file);
    const imageFiles = new Map(Array.from({ length: 40 }, (_, i) => [i + 1, file] as const));
    const page = await renderReport(record(40, { imageFiles }));
    expect([...page.matchAll(/<image /g)]).toHaveLength(24);
    expect(page.length).toBeLessThan(3_000_000);
    expect(page.length).toBeGreaterThan(400_000);
  }, 60_000);

  it('draws the label dashed and the call solid, with the box in question above the rest', async () => {
    const file = join(dir, 'grey.png');
    await sharp({ create: { width: 1600, height: 1400, channels: 3, background: 'grey' } })
      .png()
      .toFile(file);
    const page = await renderReport(record(1, { imageFiles: new Map([[1, file]]) }));
    const pictures = page.split('<figure>').slice(1);
    expect(pictures).toHaveLength(2);
    expect(pictures[0]).toMatch(/<rect class="truth" x="40" y="40" width="400" height="400"\/>/);
    expect(pictures[1]).toMatch(/<rect class="call" x="1000" y="1000" width="300" height="300"\/>/);
    expect(page).toMatch(/\.truth\{stroke:var\(--zone\);stroke-dasharray:[^}]+\}\.call\{stroke:var\(--box\)\}/);
  });

  it('names an image that cannot be read', async () => {
    const file = join(dir, 'absent.png');
    await expect(renderReport(record(1, { imageFiles: new Map([[1, file]]) }))).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_UNREADABLE',
      params: { file },
    });
  });

  it('says that there is nothing to find on images without ground truth', async () => {
    const { groundTruth } = record(2);
    const none = { imageIndex: new Int32Array(), categoryIndex: new Int32Array(), isCrowd: new Uint8Array() };
    const boxes = { boxesXywh: new Float64Array(), areas: new Float64Array() };
    const page = await renderReport(record(2, { groundTruth: { ...groundTruth, ...none, ...boxes } }));
    expect(page).toContain('The images have no labelled defect');
    expect(page).toContain('OK parts called NotOK (2 of 2)');
    expect(page).not.toContain('NaN');
  });
});

describe('renderComparison', () => {
  it('refuses two evaluations on different ground truth', async () => {
    const { groundTruth } = record(2);
    const moved = { ...groundTruth, boxesXywh: groundTruth.boxesXywh.map((value) => value + 1) };
    await expect(renderComparison(record(2), record(3))).rejects.toMatchObject({
      code: 'PLB_DATA_REPORT_TRUTH_DIFFERS',
      params: { difference: '2 and 3 images, not the same ids' },
    });
    await expect(renderComparison(record(2), record(2, { groundTruth: moved }))).rejects.toMatchObject({
      code: 'PLB_DATA_REPORT_TRUTH_DIFFERS',
    });
  });

  it('prints what the second model gains', async () => {
    const better = record(2);
    const { groundTruth, detections } = better;
    const page = await renderComparison(better, {
      ...better,
      detections: { ...detections, boxesXywh: groundTruth.boxesXywh },
    });
    expect(page).toMatch(/AP50 · AP at IoU 0\.50<\/th><td>0\.0 %<\/td><td>100\.0 %<\/td><td>\+100\.0<\/td>/);
    expect(page).toContain('both are right on 0, only A on 0, only B on 2, neither on 0');
  });
});

describe('cropAround', () => {
  it('keeps the context inside the image', () => {
    const image = { width: 640, height: 480 };
    expect(cropAround([300, 200, 40, 40], image)).toEqual({ left: 240, top: 160, width: 160, height: 120 });
    expect(cropAround([0, 470, 10, 10], image)).toEqual({ left: 0, top: 384, width: 128, height: 96 });
    expect(cropAround([0, 0, 640, 480], image)).toEqual({ left: 0, top: 0, width: 640, height: 480 });
  });
});

describe('the colours of the report', () => {
  it("are the console's", async () => {
    const file = join(import.meta.dirname, '../../../../apps/console/src/renderer/styles/tokens.css');
    const css = await readFile(file, 'utf8');
    const dark = css.indexOf('[data-theme="dark"]');
    const pictures = css.indexOf('\n:root {', dark);
    const parts = [
      [lightTokens, css.slice(0, dark)],
      [darkTokens, css.slice(dark, pictures)],
      [pictureTokens, css.slice(pictures)],
    ] as const;
    for (const [tokens, text] of parts) {
      for (const [name, value] of Object.entries(tokens)) expect(text).toContain(`${name}: ${value};`);
    }
  });
});
