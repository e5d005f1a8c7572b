import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pinnedBuilds } from './pins.js';
import { compareVersions, isInRange, requireMatchingCuda } from './requirements.js';
import { writeZip } from './write-zip.test.fixture.js';

describe('versions', () => {
  it('are compared number by number', () => {
    expect(compareVersions('525.60.13', '525.60.13')).toBe(0);
    expect(compareVersions('9.28.0.42', '9.3.0.75')).toBeGreaterThan(0);
    expect(compareVersions('12', '12.0')).toBe(0);
    expect(compareVersions('470.256.02', '525.60.13')).toBeLessThan(0);
  });

  it.each([
    ['12.9.3.13', '<13.0,>=12.5.3.2', true],
    ['13.0', '<13.0,>=12.5.3.2', false],
    ['12.5.3.1', '<13.0,>=12.5.3.2', false],
    ['2.21.0', '==2.21', true],
    ['2.21.0', '!=2.21.0', false],
    ['2.21.0', '<=2.21', true],
    ['2.21.0', '>2.21', false],
    ['2.21.0', '', true],
    ['2.21.0', '~=2.21', false],
  ])('%s in "%s" is %s', (version, range, expected) => {
    expect(isInRange(version, range)).toBe(expected);
  });
});

describe('requireMatchingCuda', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'plumbline-requirements-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const { nvidia } = pinnedBuilds.cuda;
  const check = (lines: string[]) => {
    const file = join(dir, 'wheel.whl');
    writeZip(file, { 'tensorflow-9.9.9.dist-info/METADATA': lines.join('\n') });
    return requireMatchingCuda(file, nvidia);
  };
  const refusal = (reason: RegExp) => ({
    code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
    message: expect.stringMatching(reason),
  });

  it('takes the requirements of TensorFlow 2.21.0 as its METADATA states them', async () => {
    await expect(
      check([
        'Metadata-Version: 2.4',
        'Name: tensorflow',
        'Requires-Dist: h5py<3.15.0,>=3.11.0',
        'Provides-Extra: and-cuda',
        'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
        'Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"',
        'Requires-Dist: nvidia-nccl-cu12<3.0,>=2.27.7; extra == "and-cuda"',
        'Provides-Extra: gcs-filesystem',
      ]),
    ).resolves.toBeUndefined();
  });

  it('refuses the CPU wheel, another CUDA and libraries it does not know', async () => {
    await expect(check(['Name: tensorflow_cpu'])).rejects.toMatchObject(refusal(/it is tensorflow_cpu, --cuda needs/));
    await expect(check(['Name: tensorflow'])).rejects.toMatchObject(refusal(/names no NVIDIA libraries/));
    const cuda13 = 'Requires-Dist: nvidia-cublas-cu12>=13.0; extra == "and-cuda"';
    await expect(check(['Name: tensorflow', cuda13])).rejects.toMatchObject(refusal(/cublas-cu12>=13.0.*brings 12\.9/));
    const unknown = 'Requires-Dist: nvidia-nvshmem-cu12>=3; extra == "and-cuda"';
    await expect(check(['Name: tensorflow', unknown])).rejects.toMatchObject(refusal(/nvshmem.*does not bring/));
  });

  it('refuses a file without METADATA', async () => {
    const file = join(dir, 'empty.whl');
    writeZip(file, { 'a.txt': '' });
    await expect(requireMatchingCuda(file, nvidia)).rejects.toMatchObject(refusal(/no METADATA/));
  });
});
