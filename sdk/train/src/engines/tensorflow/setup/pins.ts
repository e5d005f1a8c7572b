/** A published wheel and what of it is unpacked. PyPI never changes a published file. */
export interface PinnedWheel {
  /** Name and version, as pip takes them. */
  readonly name: string;
  readonly version: string;
  readonly fileName: string;
  readonly sha256: string;
  /** Size of the wheel. */
  readonly bytes: number;
  /** Files to unpack; those of TensorFlow's own wheels are chosen by `tensorflowContents`. */
  readonly files?: readonly string[];
}

/** What the tensorflow engine can be set up from. */
export type TensorflowBuild = 'cpu' | 'cuda';

/** The wheels one build consists of, and the room they take. */
export interface PinnedBuild {
  readonly tensorflow: PinnedWheel;
  readonly nvidia: readonly PinnedWheel[];
  /** Libraries, headers, tfjs-node and its dependencies after the set-up. */
  readonly installedBytes: number;
}

const cpu: PinnedBuild = {
  tensorflow: {
    name: 'tensorflow-cpu',
    version: '2.21.0',
    fileName: 'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
    sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
    bytes: 274_000_871,
  },
  nvidia: [],
  installedBytes: 1_200_000_000,
};

/**
 * TensorFlow's CUDA build and the wheels of its extra `and-cuda`. The extra states ranges (`nvidia-cudnn-cu12>=9.3.0.75,
 * <10.0`); these are what pip chose for `tensorflow[and-cuda]==2.21.0` in November 2026. File names and sizes inside
 * were read from the wheels' own directories. Left out of what is unpacked: nvblas, cufftw, cusolverMg, the second
 * copies of nvrtc, and what cupti has for profilers alone.
 */
const cuda: PinnedBuild = {
  tensorflow: {
    name: 'tensorflow',
    version: '2.21.0',
    fileName: 'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
    sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
    bytes: 572_611_111,
  },
  nvidia: [
    nvidia(
      'cublas',
      '12.9.3.13',
      'manylinux_2_27_x86_64',
      'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
      581_217_458,
      ['lib/libcublas.so.12', 'lib/libcublasLt.so.12'],
    ),
    nvidia(
      'cuda_cupti',
      '12.8.90',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
      10_248_621,
      ['lib/libcupti.so.12'],
    ),
    nvidia(
      // The assembler TensorFlow starts to check the convolution algorithms it measures, and the library XLA links.
      'cuda_nvcc',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
      40_546_229,
      ['bin/ptxas', 'nvvm/libdevice/libdevice.10.bc'],
    ),
    nvidia(
      'cuda_nvrtc',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
      89_568_129,
      ['lib/libnvrtc.so.12', 'lib/libnvrtc-builtins.so.12.9'],
    ),
    nvidia(
      'cuda_runtime',
      '12.9.79',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
      3_493_179,
      ['lib/libcudart.so.12'],
    ),
    nvidia(
      'cudnn',
      '9.28.0.42',
      'manylinux_2_27_x86_64',
      '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
      716_538_495,
      [
        'lib/libcudnn.so.9',
        'lib/libcudnn_adv.so.9',
        'lib/libcudnn_cnn.so.9',
        'lib/libcudnn_engines_precompiled.so.9',
        'lib/libcudnn_engines_runtime_compiled.so.9',
        'lib/libcudnn_engines_tensor_ir.so.9',
        'lib/libcudnn_ext.so.9',
        'lib/libcudnn_graph.so.9',
        'lib/libcudnn_heuristic.so.9',
        'lib/libcudnn_ops.so.9',
      ],
    ),
    nvidia(
      'cufft',
      '11.4.1.4',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
      200_877_592,
      ['lib/libcufft.so.11'],
    ),
    nvidia(
      'curand',
      '10.3.10.19',
      'manylinux_2_27_x86_64',
      '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
      68_295_626,
      ['lib/libcurand.so.10'],
    ),
    nvidia(
      'cusolver',
      '11.7.5.82',
      'manylinux_2_27_x86_64',
      '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
      338_117_415,
      ['lib/libcusolver.so.11'],
    ),
    nvidia(
      'cusparse',
      '12.5.10.65',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
      366_465_088,
      ['lib/libcusparse.so.12'],
    ),
    nvidia(
      'nccl',
      '2.32.3',
      'manylinux_2_27_x86_64',
      'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
      351_526_311,
      ['lib/libnccl.so.2'],
    ),
    nvidia(
      'nvjitlink',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
      39_748_338,
      ['lib/libnvJitLink.so.12'],
    ),
  ],
  installedBytes: 5_400_000_000,
};

export const pinnedBuilds: Readonly<Record<TensorflowBuild, PinnedBuild>> = { cpu, cuda };

/** The folder inside the wheel carries the name of the part: nvidia-cuda-nvcc-cu12 holds nvidia/cuda_nvcc. */
function nvidia(
  part: string,
  version: string,
  platform: string,
  sha256: string,
  bytes: number,
  files: string[],
): PinnedWheel {
  return {
    name: `nvidia-${part.replaceAll('_', '-')}-cu12`,
    version,
    fileName: `nvidia_${part}_cu12-${version}-py3-none-${platform}.whl`,
    sha256,
    bytes,
    files: files.map((file) => `nvidia/${part}/${file}`),
  };
}
