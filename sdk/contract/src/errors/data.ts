import { entry } from './define.js';

/** Place of one field in a text file, 1-based. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

const at = (p: Place) => `${p.file}:${p.line}:${p.column}`;

export const dataErrors = {
  PLB_DATA_SPEC_INVALID: entry(
    (p: { spec: string; problem: string; accepted: string }) =>
      `dataset "${p.spec}": ${p.problem}; accepted: ${p.accepted}`,
    'Name the kind, the folder or file and, after #, the split: deeppcb:DIR#val reads the stems listed in DIR/val.txt.',
    'input',
  ),
  PLB_DATA_FOLDER_UNREADABLE: entry(
    (p: { folder: string; reason: string; accepted: string }) =>
      `${p.folder}: cannot be listed (${p.reason}); accepted: ${p.accepted}`,
    'Check the path of the dataset and that this user may read it.',
    'input',
  ),
  PLB_DATA_SPLIT_UNKNOWN: entry(
    (p: { split: string; file: string; available: string }) =>
      `split "${p.split}": ${p.file} cannot be read; accepted: ${p.available}`,
    'Name one of the listed splits, or write the stems of the images, one a line, to that file.',
    'input',
  ),
  PLB_DATA_SPLIT_EMPTY: entry(
    (p: { split: string; where: string }) => `split "${p.split}": ${p.where} lists no image`,
    'A split needs at least one image. Check that the list file has one stem a line.',
    'input',
  ),
  PLB_DATA_STEM_TWICE: entry(
    (p: Place & { stem: string }) => `${at(p)}: "${p.stem}" stands in this list already; accepted: every stem once`,
    'Remove that line: an image read twice would count twice.',
    'input',
  ),
  PLB_DATA_PATH_OUTSIDE: entry(
    (p: Place & { path: string; folder: string }) => `${at(p)}: "${p.path}" leads out of ${p.folder}`,
    'Name files inside the folder of the dataset only; move what lies elsewhere into it.',
    'input',
  ),
  PLB_DATA_XML_SYNTAX: entry(
    (p: Place & { problem: string }) =>
      `${at(p)}: ${p.problem}; accepted: a Pascal VOC annotation in XML, without DOCTYPE`,
    'The file is incomplete or was not written as XML. Write it again with the tool that made it.',
    'input',
  ),
  PLB_DATA_SIZE_DIFFERS: entry(
    (p: Place & { stated: string; image: string; actual: string }) =>
      `${at(p)}: the annotation was made for ${p.stated} px, ${p.image} has ${p.actual}`,
    'Its boxes lie in the wrong places. Bring back the image that was labelled, or scale the boxes and correct the size.',
    'input',
  ),
  PLB_DATA_IMAGE_MISSING: entry(
    (p: { file: string; label: string }) => `${p.file}: no such image, though ${p.label} refers to it`,
    'Put the image there, or remove its stem from the split and its label file.',
    'input',
  ),
  PLB_DATA_LABEL_MISSING: entry(
    (p: { file: string; image: string }) => `${p.file}: no such label file for image ${p.image}`,
    'Write the labels of that image; an image without a defect has an empty label file.',
    'input',
  ),
  PLB_DATA_IMAGE_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be decoded as an image (${p.reason})`,
    'Copy the image again from its source; accepted are JPEG, PNG, WebP and TIFF files that are complete.',
    'input',
  ),
  PLB_DATA_LABEL_FIELDS: entry(
    (p: Place & { count: number; accepted: string }) => `${at(p)}: ${p.count} fields; accepted: ${p.accepted}`,
    'Correct that line of the label file.',
    'input',
  ),
  PLB_DATA_LABEL_NUMBER: entry(
    (p: Place & { text: string; accepted: string }) =>
      `${at(p)}: "${p.text}" is not such a number; accepted: ${p.accepted}`,
    'Correct that field of the label file.',
    'input',
  ),
  PLB_DATA_LABEL_CLASS: entry(
    (p: Place & { text: string; accepted: string }) =>
      `${at(p)}: class ${p.text} is not known; accepted: ${p.accepted}`,
    'Correct the class of that box.',
    'input',
  ),
  PLB_DATA_BOX_EMPTY: entry(
    (p: Place & { box: string; accepted: string }) => `${at(p)}: box ${p.box} has no area; accepted: ${p.accepted}`,
    'Correct the corners of that box or remove its line.',
    'input',
  ),
  PLB_DATA_BOX_OUTSIDE: entry(
    (p: Place & { box: string; width: number; height: number }) =>
      `${at(p)}: box ${p.box} leaves its image of ${p.width}x${p.height} px; accepted: 0 <= x <= ${p.width}, 0 <= y <= ${p.height}`,
    'Correct the corners of that box, or check that image and labels belong together.',
    'input',
  ),
  PLB_DATA_BOX_TWICE: entry(
    (p: Place & { box: string; firstLine: number }) => `${at(p)}: box ${p.box} stands in line ${p.firstLine} already`,
    'Remove that line: a detector can find the object only once.',
    'input',
  ),
  PLB_DATA_IMAGE_TWICE: entry(
    (p: { file: string; other: string }) => `${p.file}: has the same pixels as ${p.other}`,
    'Remove one of the two: what is counted twice weighs twice, and the labels may contradict.',
    'input',
  ),
  PLB_DATA_SPLIT_LEAK: entry(
    (p: { file: string; splits: string }) => `${p.file}: belongs to ${p.splits}`,
    'Take the image out of one of the splits: figures over images that were trained on say nothing.',
    'input',
  ),
  PLB_DATA_NEAR_LEAK: entry(
    (p: { file: string; other: string; distance: number; split: string; otherSplit: string }) =>
      `${p.file}: looks like ${p.other} (${p.distance} of 256 bits differ), one in ${p.split}, the other in ${p.otherSplit}`,
    'Put both into the same split, or split again with --group for images of one part.',
    'input',
  ),
  PLB_DATA_IMAGE_RANGE: entry(
    (p: { file: string; largest: number; bits: number }) =>
      `${p.file}: a 16-bit image whose largest value is ${p.largest} of 65535, as from ${p.bits} bits: it is read almost black`,
    'Have the camera write left-aligned pixels, or convert the dataset with --bits and the number of bits it uses.',
    'input',
  ),
  PLB_DATA_FILE_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be read (${p.reason})`,
    'Check that the path is right and that this user may read the file.',
    'input',
  ),
  PLB_DATA_JSON_SYNTAX: entry(
    (p: Place & { problem: string }) =>
      `${at(p)}: ${p.problem}; accepted: JSON, which has neither NaN nor Infinity nor trailing commas`,
    'The file is incomplete or was not written as JSON. Write it again with the tool that made it.',
    'input',
  ),
  PLB_DATA_COCO_SHAPE: entry(
    (p: Place & { path: string; actual: string; accepted: string }) =>
      `${at(p)}: ${p.path} is ${p.actual}; accepted: ${p.accepted}`,
    'Correct that value. Ground truth is a COCO annotation file, detections are a COCO results list.',
    'input',
  ),
  PLB_DATA_COCO_CORNERS: entry(
    (p: Place & { box: string; percent: number; width: number; height: number }) =>
      `${at(p)}: bbox ${p.box} leaves its image of ${p.width}x${p.height} px, as ${p.percent} % of the boxes do, but fits as x1, y1, x2, y2; accepted: [x, y, width, height]`,
    'Write width and height instead of the second corner: [x1, y1, x2 - x1, y2 - y1].',
    'input',
  ),
  PLB_DATA_COCO_UNKNOWN_ID: entry(
    (p: Place & { path: string; id: number; accepted: string }) =>
      `${at(p)}: ${p.path} is ${p.id}, which the ground truth does not list; accepted: ${p.accepted}`,
    'Detections and ground truth must use the same image and category ids.',
    'input',
  ),
  PLB_DATA_COCO_DUPLICATE_ID: entry(
    (p: Place & { path: string; id: number }) => `${at(p)}: ${p.path} ${p.id} is used twice; accepted: ids that differ`,
    'Give every image and every category of the file an id of its own.',
    'input',
  ),
  PLB_DATA_CLASS_MAP: entry(
    (p: { name: string; accepted: string }) => `class map: "${p.name}"; accepted: names of the dataset: ${p.accepted}`,
    'Map old names to new ones, several to one if you like, or to null to leave the boxes of a class out.',
    'input',
  ),
  PLB_DATA_FETCH_FAILED: entry(
    (p: { url: string; reason: string }) => `${p.url}: could not be downloaded (${p.reason})`,
    'Check the connection and run the same command again: it goes on where it stopped. --from names a copy elsewhere.',
  ),
  PLB_DATA_FETCH_MISMATCH: entry(
    (p: { url: string; expected: string; actual: string }) =>
      `${p.url}: is another file than at the pinned revision (git blob ${p.actual} instead of ${p.expected})`,
    'The download was damaged, or the server has other files. Run the command again or name another copy by --from.',
  ),
  PLB_DATA_FETCH_STOPPED: entry(
    (p: { folder: string }) => `${p.folder}: stopped before every file was there`,
    'Run the same command again: complete files are kept.',
  ),
  PLB_DATA_OUT_IN_USE: entry(
    (p: { folder: string }) => `${p.folder}: exists already`,
    'Name a new folder, or move away what is there: nothing is overwritten.',
    'input',
  ),
  PLB_DATA_CLASSES_DIFFER: entry(
    (p: { model: string; dataset: string; difference: string }) =>
      `the classes of ${p.model} and of ${p.dataset} differ: ${p.difference}`,
    'Evaluate a model on data with the classes it was trained for; the names must be equal.',
    'input',
  ),
  PLB_DATA_REPORT_TRUTH_DIFFERS: entry(
    (p: { a: string; b: string; difference: string }) =>
      `${p.a} and ${p.b} cannot be compared: ${p.difference}; accepted: two evaluations on the same images, classes and boxes`,
    'Evaluate both models on the same dataset, then compare them.',
    'input',
  ),
  PLB_DATA_IMAGE_CHANGED: entry(
    (p: { file: string; expected: string; actual: string }) =>
      `${p.file}: is ${p.actual} px, it was ${p.expected} px when the dataset was opened`,
    'Do not replace images while they are being read. Start again.',
    'input',
  ),
  PLB_DATA_LOADER_WORKER_ENDED: entry(
    (p: { images: string; reason: string }) =>
      `a thread that loads images ended (${p.reason}) while it read ${p.images}`,
    'Look at the named images first. If they are good, the thread ran out of memory: lower loader.workers.',
  ),
  PLB_DATA_LOADER_CLOSED: entry(
    (p: { step: number }) => `the batch of step ${p.step} was asked of a loader that has been closed`,
    'Open a new loader; a closed one has ended its threads.',
  ),
} as const;
