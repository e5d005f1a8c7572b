import { describe, expect, it } from 'vitest';
import { TrtexecOutput } from './trtexec-output.js';

/**
 * Every text here is a RECONSTRUCTION after a public log, shortened, with its TensorRT version; none was recorded on hardware
 * by this project.
 */
const reconstructions = [
  {
    source: 'TensorRT 8.4.2, desktop, after FeiYull/TensorRT-Alpha issue 49',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v8402] # trtexec.exe --onnx=yolov5n.onnx --buildOnly
[09/07/2023-11:06:13] [I] === Model Options ===
[09/07/2023-11:06:14] [I] Start parsing network model
[09/07/2023-11:06:14] [I] [TRT] Input filename:   yolov5n.onnx
[09/07/2023-11:06:14] [I] Finish parsing network model`,
    expected: { stage: 'optimize', done: 0, total: undefined },
  },
  {
    source: 'TensorRT 10.9.0 without --verbose, RTX 3070, after a public log of trtexec with a ResNet-50',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v100900] [b34] # trtexec --onnx=resnet50/model.onnx
[04/07/2025-23:59:33] [I] TensorRT version: 10.9.0
[04/07/2025-23:59:33] [I] Loading standard plugins
[04/07/2025-23:59:35] [I] Start parsing network model.
[04/07/2025-23:59:36] [I] Finished parsing network model. Parse time: 0.141199
[04/07/2025-23:59:36] [I] [TRT] Local timing cache in use. Profiling results in this builder pass will not be stored.
[04/07/2025-23:59:45] [I] [TRT] Compiler backend is used during engine build.
[04/07/2025-23:59:46] [I] [TRT] [BlockAssignment] Started assigning block shifts. This will take 84 steps to complete.
[04/07/2025-23:59:46] [I] [TRT] Engine generation completed in 10.6392 seconds.
[04/07/2025-23:59:46] [I] Engine built in 10.7204 sec.
[04/07/2025-23:59:46] [I] Created engine with size: 101.811 MiB`,
    expected: { stage: 'finish', done: 0, total: undefined },
  },
  {
    source: 'TensorRT 10.x with --verbose, desktop, after a public tutorial that builds AlexNet',
    text: `[11/01/2024-10:32:48] [I] Finished parsing network model. Parse time: 0.0612
[11/01/2024-10:32:48] [V] [TRT] Original: 24 layers
[11/01/2024-10:32:48] [V] [TRT] After dead-layer removal: 24 layers
[11/01/2024-10:32:48] [V] [TRT] After vertical fusions: 9 layers
[11/01/2024-10:32:48] [V] [TRT] After concat removal: 9 layers
[11/01/2024-10:32:48] [V] [TRT] =============== Computing costs for /features/features.0/Conv + /features/features.1/Relu
[11/01/2024-10:32:48] [V] [TRT] *************** Autotuning format combination: Float(150528,50176,224,1) -> Float(193600,3025,55,1) ***************
[11/01/2024-10:32:48] [V] [TRT] --------------- Timing Runner: /features/features.0/Conv + /features/features.1/Relu (CaskConvolution[0x80000009])
[11/01/2024-10:32:49] [V] [TRT] =============== Computing costs for /features/features.2/MaxPool`,
    expected: { stage: 'kernels', done: 2, total: 9 },
  },
  {
    source: 'TensorRT 10.16.2, Orin NX, after OE4T/meta-tegra pull request 2243',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v101602] [b10] # /usr/src/tensorrt/bin/trtexec --skipInference
[01/01/1970-03:47:30] [I] TF32 is enabled by default. Add --noTF32 flag to further improve accuracy with some performance cost.
[01/01/1970-03:47:30] [I] Decomposable Attentions: `,
    expected: { stage: 'start', done: 0, total: undefined },
  },
];

function read(text: string): TrtexecOutput {
  const output = new TrtexecOutput();
  for (const line of text.split('\n')) output.line(line);
  return output;
}

describe('TrtexecOutput', () => {
  it.each(reconstructions)('follows a build ($source)', ({ text, expected }) => {
    expect(read(text).progress).toEqual(expected);
  });

  it('changes nothing at a line that it does not know', () => {
    const output = read('[04/07/2025-23:59:35] [I] Start parsing network model.');
    for (const line of [
      '',
      'a line of a version to come',
      '[?] [TRT] 42 %',
      '\u0000\ufffd',
      'After the rain: 4 layers',
    ])
      expect(output.line(line)).toBe(false);
    expect(output.progress.stage).toBe('parse');
    expect(output.hasFailed).toBe(false);
  });

  it('never shows more layers than there are when some are timed twice', () => {
    const lines = ['[I] Finished parsing network model', '[V] [TRT] After vertical fusions: 1 layers'];
    const twice = '[V] [TRT] =============== Computing costs for a';
    expect(read([...lines, twice, twice].join('\n')).progress).toEqual({ stage: 'kernels', done: 2, total: 2 });
  });

  it("keeps trtexec's own errors, the first and the last of them", () => {
    // Reconstruction after a public log of TensorRT 10.3 whose model has an unsupported node.
    const text = `[09/02/2024-17:35:22] [I] Start parsing network model.
[09/02/2024-17:35:22] [E] [TRT] ModelImporter.cpp:949: While parsing node number 146 [Tile -> "/Tile_output_0"]:
[09/02/2024-17:35:22] [E] Failed to parse onnx file
[09/02/2024-17:35:22] [E] Engine set up failed
&&&& FAILED TensorRT.trtexec [TensorRT v100300] # trtexec --onnx=decoder.onnx`;
    const output = read(text);
    expect(output.hasFailed).toBe(true);
    expect(output.errorText.split('\n')).toEqual([
      'ModelImporter.cpp:949: While parsing node number 146 [Tile -> "/Tile_output_0"]:',
      'Failed to parse onnx file',
      'Engine set up failed',
    ]);
    const many = read(Array.from({ length: 50 }, (_, i) => `[E] error ${i}`).join('\n')).errorText.split('\n');
    expect(many).toEqual([0, 45, 46, 47, 48, 49].map((i) => `error ${i}`));
  });

  it('gives the last lines where there is no error among them', () => {
    const lines = ['terminate called after throwing', '[V] [TRT] much detail', 'Killed'];
    expect(read(lines.join('\n')).errorText).toBe('terminate called after throwing\nKilled');
    expect(read('').errorText).toBe('it printed nothing');
  });
});
