import { describe, expect, it } from 'vitest';
import { TrtexecOutput } from './trtexec-output.js';

/**
 * Every text here is a RECONSTRUCTION: the forms of lines in a public log of the TensorRT version named, with times, names and
 * numbers of our own. None was recorded on hardware by this project.
 */
const reconstructions = [
  {
    source: 'TensorRT 8.4.2, desktop, after FeiYull/TensorRT-Alpha issue 49',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v8402] # trtexec.exe --onnx=model.onnx --buildOnly
[01/31/2026-12:00:00] [I] === Model Options ===
[01/31/2026-12:00:00] [I] Start parsing network model
[01/31/2026-12:00:00] [I] [TRT] Input filename:   model.onnx
[01/31/2026-12:00:00] [I] Finish parsing network model`,
    expected: { stage: 'optimize', done: 0, total: undefined },
  },
  {
    source: 'TensorRT 10.9.0 without --verbose, RTX 3070, after a public log of trtexec with a ResNet-50',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v100900] [b34] # trtexec --onnx=model.onnx
[01/31/2026-12:00:00] [I] TensorRT version: 10.9.0
[01/31/2026-12:00:00] [I] Loading standard plugins
[01/31/2026-12:00:00] [I] Start parsing network model.
[01/31/2026-12:00:00] [I] Finished parsing network model. Parse time: 0.2
[01/31/2026-12:00:00] [I] [TRT] Local timing cache in use. Profiling results in this builder pass will not be stored.
[01/31/2026-12:00:00] [I] [TRT] Compiler backend is used during engine build.
[01/31/2026-12:00:00] [I] [TRT] [BlockAssignment] Started assigning block shifts. This will take 31 steps to complete.
[01/31/2026-12:00:00] [I] [TRT] Engine generation completed in 12.5 seconds.
[01/31/2026-12:00:00] [I] Engine built in 12.6 sec.
[01/31/2026-12:00:00] [I] Created engine with size: 41.5 MiB`,
    expected: { stage: 'finish', done: 0, total: undefined },
  },
  {
    source: 'TensorRT 10.x with --verbose, desktop, after a public tutorial that builds AlexNet',
    text: `[01/31/2026-12:00:00] [I] Finished parsing network model. Parse time: 0.1
[01/31/2026-12:00:00] [V] [TRT] Original: 30 layers
[01/31/2026-12:00:00] [V] [TRT] After dead-layer removal: 30 layers
[01/31/2026-12:00:00] [V] [TRT] After vertical fusions: 9 layers
[01/31/2026-12:00:00] [V] [TRT] After concat removal: 9 layers
[01/31/2026-12:00:00] [V] [TRT] =============== Computing costs for /backbone/conv1 + /backbone/relu1
[01/31/2026-12:00:00] [V] [TRT] *************** Autotuning format combination: Float(12288,4096,64,1) -> Float(65536,1024,32,1) ***************
[01/31/2026-12:00:00] [V] [TRT] --------------- Timing Runner: /backbone/conv1 + /backbone/relu1 (CaskConvolution[0x80000001])
[01/31/2026-12:00:00] [V] [TRT] =============== Computing costs for /backbone/pool1`,
    expected: { stage: 'kernels', done: 2, total: 9 },
  },
  {
    source: 'TensorRT 10.16.2, Orin NX, after OE4T/meta-tegra pull request 2243',
    text: `&&&& RUNNING TensorRT.trtexec [TensorRT v101602] [b10] # /usr/src/tensorrt/bin/trtexec --skipInference
[01/31/2026-12:00:00] [I] TF32 is enabled by default. Add --noTF32 flag to further improve accuracy with some performance cost.
[01/31/2026-12:00:00] [I] Decomposable Attentions: `,
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
    const output = read('[01/31/2026-12:00:00] [I] Start parsing network model.');
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
    const text = `[01/31/2026-12:00:00] [I] Start parsing network model.
[01/31/2026-12:00:00] [E] [TRT] ModelImporter.cpp:949: While parsing node number 12 [Loop -> "/loop_output"]:
[01/31/2026-12:00:00] [E] Failed to parse onnx file
[01/31/2026-12:00:00] [E] Engine set up failed
&&&& FAILED TensorRT.trtexec [TensorRT v100300] # trtexec --onnx=model.onnx`;
    const output = read(text);
    expect(output.hasFailed).toBe(true);
    expect(output.errorText.split('\n')).toEqual([
      'ModelImporter.cpp:949: While parsing node number 12 [Loop -> "/loop_output"]:',
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
