import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectDataset } from '@plumbline/data/inspect';
import { renderInspection } from '@plumbline/data/report';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-<b>&-'));
  await cp(boards, dir, { recursive: true });
});
afterEach(() => rm(dir, { recursive: true }));

describe('renderInspection', () => {
  it('lists problems with their place and pictures, and escapes what comes from the dataset', async () => {
    await writeFile(join(dir, 'labels', '00041015.txt'), '0 0 10 10 1\n0 0 10 10 9\n');
    await cp(join(dir, 'images', '92000086.jpg'), join(dir, 'images', 'again.jpg'));
    await cp(join(dir, 'labels', '92000086.txt'), join(dir, 'labels', 'again.txt'));
    const page = await renderInspection(await inspectDataset(`deeppcb:${dir}`), '2026-01-31 09:30 UTC');
    expect(page).toContain('<th scope="row">00041015.txt:2</th><td>PLB_DATA_LABEL_CLASS</td>');
    expect(page).toContain('PLB_DATA_IMAGE_TWICE');
    expect(page).toContain('aria-label="Image again.jpg"');
    expect(page).toContain('0 bits of 256 differ.');
    expect(page).not.toContain('plumbline-<b>&-');
    expect(page).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(page).toContain('2026-01-31 09:30 UTC');
  });

  it('has a page for a dataset without a box', async () => {
    await writeFile(join(dir, 'labels', '00041015.txt'), '');
    await writeFile(join(dir, 'one.txt'), '00041015\n');
    const page = await renderInspection(await inspectDataset(`deeppcb:${dir}#one`), 'today');
    expect(page).toContain('1, of which 1 without a box');
    expect(page).not.toContain('NaN');
  });
});
