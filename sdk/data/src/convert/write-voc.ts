import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset, SampleRef } from '../dataset/index.js';
import type { ConvertedImage } from './convert-dataset.js';
import { pxText } from './number-text.js';

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character]!);

/**
 * Writes OUT/Annotations/STEM.xml, OUT/classes.txt (the order of the classes, and those without a box) and
 * OUT/ImageSets/Main/all.txt. Pixels count from 1: `xmin = x1 + 1` and so on, the inverse of the reader.
 */
export async function writeVoc(dataset: Dataset, images: readonly ConvertedImage[], out: string): Promise<string> {
  const sets = join(out, 'ImageSets', 'Main');
  await mkdir(sets, { recursive: true });
  for (const { sample, name, stem } of images) {
    const file = join(out, 'Annotations', `${stem}.xml`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, annotationXml(sample, name, dataset.classes));
  }
  await writeFile(join(sets, 'all.txt'), `${images.map(({ stem }) => stem).join('\n')}\n`);
  await writeFile(join(out, 'classes.txt'), `${dataset.classes.join('\n')}\n`);
  return `voc:${out}`;
}

function annotationXml(sample: SampleRef, name: string, classes: readonly string[]): string {
  const objects = [...sample.gtLabels].map((label, g) => {
    const corners = [...sample.gtBoxesXyxy.subarray(4 * g, 4 * g + 4)].map((value) => pxText(value + 1));
    const [xmin, ymin, xmax, ymax] = corners;
    return `  <object>
    <name>${escapeXml(classes[label]!)}</name>
    <difficult>${sample.gtDifficult?.[g] ?? 0}</difficult>
    <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>
  </object>
`;
  });
  return `<annotation>
  <filename>${escapeXml(name)}</filename>
  <size><width>${sample.width}</width><height>${sample.height}</height><depth>3</depth></size>
${objects.join('')}</annotation>
`;
}
