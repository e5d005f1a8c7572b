// Runs a model through the detector that ships, on whatever processor Node was built for.
// usage: node detect.mjs MODEL PIXELS.rgb WIDTH HEIGHT     prints {arch, executionProvider, detections}
import { readFileSync } from 'node:fs';
import { createDetector } from '@plumbline/runtime/detector';

const [modelDir, pixels, width, height] = process.argv.slice(2);
const detector = await createDetector({ modelDir, threads: 2 });
const image = { width: Number(width), height: Number(height), data: new Uint8Array(readFileSync(pixels)) };
const { detections } = await detector.detect(image);
const { executionProvider } = detector.info;
await detector.dispose();
process.stdout.write(`${JSON.stringify({ arch: process.arch, executionProvider, detections })}\n`);
