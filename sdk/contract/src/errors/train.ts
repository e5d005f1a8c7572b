import { entry } from './define.js';

export const trainErrors = {
  PLB_TRAIN_ENGINE_NOT_SET_UP: entry(
    (p: { dir: string }) => `the tensorflow engine is not set up in ${p.dir}`,
    'Run `plumbline doctor --setup tensorflow` once, or use `--engine wasm`.',
    'input',
  ),
  PLB_TRAIN_ENGINE_BROKEN: entry(
    (p: { dir: string; reason: string }) => `the tensorflow engine in ${p.dir} does not start: ${p.reason}`,
    'Remove that folder and run `plumbline doctor --setup tensorflow` again.',
  ),
  PLB_TRAIN_WEBGPU_NOT_INSTALLED: entry(
    (p: { package: string; reason: string }) => `the webgpu engine needs the package ${p.package}: ${p.reason}`,
    'Run `npm install webgpu@0.6`, or use `--engine tensorflow` or `--engine wasm`.',
    'input',
  ),
  PLB_TRAIN_NO_WEBGPU_DEVICE: entry(
    (_: Record<never, never>) => 'no graphics device answers to WebGPU',
    "Install the graphics card's driver and, on Linux, the Vulkan loader (Debian: libvulkan1); `vulkaninfo` must list it. Or use `--engine tensorflow` or `--engine wasm`.",
    'input',
  ),
  PLB_TRAIN_DEVICE_OUT_OF_MEMORY: entry(
    (p: { device: string; reason: string }) => `${p.device} has no memory left: ${p.reason}`,
    'Lower `schedule.batchSize` or `imageSizeHw`, close what else uses the card, then go on with `--resume`; the last checkpoint is valid.',
  ),
  PLB_TRAIN_DEVICE_FAILED: entry(
    (p: { device: string; reason: string }) => `${p.device} reports an error: ${p.reason}`,
    "Nothing it computed since is used: go on with `--resume` from the last checkpoint. If it comes back, update the graphics card's driver or use another `--engine`.",
  ),
  PLB_TRAIN_CHECKPOINT_UNWRITABLE: entry(
    (p: { dir: string; bytes: number; reason: string; kept: string }) =>
      `a checkpoint of ${p.bytes} bytes could not be written to ${p.dir}: ${p.reason}; the last valid one: ${p.kept}`,
    'Make room on the disk (twice the size of a checkpoint is needed while one is replaced), then go on with `--resume`.',
  ),
  PLB_TRAIN_VALIDATION_DATA_MISSING: entry(
    (p: { everyEpochs: number }) => `validation.everyEpochs is ${p.everyEpochs}, but there is no data to validate on`,
    'Name it with `--val SPEC` (early stopping uses `#val-gate`), or set `validation.everyEpochs` to null.',
    'input',
  ),
  PLB_TRAIN_BATCH_NONE_FITS: entry(
    (p: { megabytes: number }) => `not even one image fits into the memory that a step may use (${p.megabytes} MB)`,
    'Lower `imageSizeHw` or `proposals`, close what else takes memory, or name a smaller network.',
  ),
  PLB_TRAIN_BATCH_TRIAL_FAILED: entry(
    (p: { batchSize: number; reason: string }) => `a trial step with ${p.batchSize} images failed: ${p.reason}`,
    'It is not for want of memory. `plumbline bench train` with the same --config and --engine shows all that it says.',
  ),
  PLB_TRAIN_PAGE_PORT_UNUSABLE: entry(
    (p: { port: number; reason: string }) => `the training page cannot be served at 127.0.0.1:${p.port}: ${p.reason}`,
    'Name another port with `--ui PORT`, or take any free one with `--ui` alone.',
    'input',
  ),
  PLB_TRAIN_WEIGHTS_MISMATCH: entry(
    (p: { file: string; key: string; actual: string; expected: string }) =>
      `${p.file}: weight ${p.key} is ${p.actual}, expected ${p.expected}; nothing was loaded`,
    'The weights belong to a model of another shape. Use the configuration that they were trained with.',
    'input',
  ),
  PLB_TRAIN_WEIGHTS_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be read (${p.reason})`,
    'Name a file of safetensors or of torch.save (.pth, .pt).',
    'input',
  ),
  PLB_TRAIN_PTH_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable PyTorch checkpoint: ${p.reason}`,
    'The file is damaged or no checkpoint. Copy it again, or save the state_dict of the model as safetensors.',
    'input',
  ),
  PLB_TRAIN_PTH_REFUSED: entry(
    (p: { file: string; what: string }) =>
      `${p.file}: asks for ${p.what}, which no file of weights needs; nothing was run`,
    'Do not load this file with PyTorch either unless you trust its source. From a trusted one, save only model.state_dict(), or convert it to safetensors.',
    'input',
  ),
  PLB_TRAIN_CHECKPOINT_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable checkpoint: ${p.reason}`,
    'Point to a folder that `plumbline train --out` has written, with config.json and weights.safetensors in it.',
    'input',
  ),
  PLB_TRAIN_CONFIG_CHANGED: entry(
    (p: { dir: string; keys: string }) => `${p.dir}: holds a run with other settings (${p.keys})`,
    'Resume with the configuration of that run, or give a new --out folder.',
    'input',
  ),
  PLB_TRAIN_OUT_IN_USE: entry(
    (p: { dir: string }) => `${p.dir}: already holds a training run`,
    'Continue it with --resume, or give a new --out folder.',
    'input',
  ),
  PLB_TRAIN_DIVERGED: entry(
    (p: { step: number; term: string; imageIds: string; checkpoint: string }) =>
      `step ${p.step}: loss ${p.term} is not a finite number (images ${p.imageIds}); last good checkpoint: ${p.checkpoint}`,
    'Lower schedule.learningRate or lengthen schedule.warmupSteps, and check the labels of the named images.',
  ),
  PLB_TRAIN_BAD_GROUND_TRUTH: entry(
    (p: { image: string; row: number; problem: string }) => `${p.image}: box ${p.row}: ${p.problem}`,
    'Correct the label; `plumbline dataset inspect SPEC` lists every such problem.',
    'input',
  ),
  PLB_TRAIN_SETUP_UNSUPPORTED: entry(
    (p: { found: string; needed: string }) =>
      `the tensorflow engine cannot be set up here: found ${p.found}, needed ${p.needed}`,
    'Train with `--engine wasm`, which runs everywhere but slowly, or on a machine of the named kind.',
    'input',
  ),
  PLB_TRAIN_SETUP_NO_COMPILER: entry(
    (p: { command: string }) => `no C++ compiler: \`${p.command}\` cannot be run`,
    'Install one (Debian and Ubuntu: `sudo apt-get install g++`) or name another in the CXX environment variable.',
    'input',
  ),
  PLB_TRAIN_SETUP_NO_PIP: entry(
    (p: { command: string; reason: string }) => `\`${p.command} -m pip\` cannot be run: ${p.reason}`,
    'Install it (Debian and Ubuntu: `sudo apt-get install python3-pip`), or download the wheel elsewhere and pass it with --from FILE; no Python is needed then.',
    'input',
  ),
  PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER: entry(
    (p: { reason: string }) => `no NVIDIA driver that can compute: ${p.reason}`,
    "Install NVIDIA's driver (Ubuntu: `sudo ubuntu-drivers install`, Debian: `sudo apt-get install nvidia-driver`), restart, and see that `nvidia-smi` lists the card. Without such a card leave --cuda out; other vendors' cards train with `--engine webgpu`.",
    'input',
  ),
  PLB_TRAIN_SETUP_NVIDIA_DRIVER_TOO_OLD: entry(
    (p: { found: string; needed: string }) => `NVIDIA driver ${p.found} is too old for CUDA 12, ${p.needed} is needed`,
    'Update the driver and restart. Cards that have no newer one train with `--engine webgpu`.',
    'input',
  ),
  PLB_TRAIN_SETUP_DISK_FULL: entry(
    (p: { dir: string; freeMegabytes: number; neededMegabytes: number }) =>
      `${p.dir}: ${p.freeMegabytes} MB free, ${p.neededMegabytes} MB needed`,
    'Free some space, or point PLUMBLINE_CACHE to a folder on a larger disk.',
  ),
  PLB_TRAIN_SETUP_BUSY: entry(
    (p: { lockFile: string; pid: number }) => `process ${p.pid} is setting the tensorflow engine up (${p.lockFile})`,
    'Wait until it has ended. If no such process exists, remove the named file.',
  ),
  PLB_TRAIN_SETUP_DOWNLOAD_FAILED: entry(
    (p: { what: string; command: string; reason: string }) =>
      `${p.what} cannot be downloaded (\`${p.command}\`): ${p.reason}`,
    'Check the network, the proxy and the registry that npm and pip are configured with, then run the command again: finished steps are kept.',
  ),
  PLB_TRAIN_SETUP_WHEEL_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable TensorFlow wheel: ${p.reason}`,
    'Pass the wheel tensorflow_cpu (with --cuda: tensorflow) for Linux x86-64 with --from, or leave --from out to have it downloaded.',
    'input',
  ),
  PLB_TRAIN_SETUP_WHEEL_HASH: entry(
    (p: { file: string; expectedSha256: string; actualSha256: string }) =>
      `${p.file}: sha256 is ${p.actualSha256}, expected ${p.expectedSha256}`,
    'The file was changed or copied incompletely. Delete it and download it again.',
  ),
  PLB_TRAIN_SETUP_COMPILE_FAILED: entry(
    (p: { command: string; reason: string }) => `the binding does not compile (${p.command}): ${p.reason}`,
    'A compiler with C++17 is needed (g++ 9 or newer). Update it or name another in CXX.',
  ),
  PLB_TRAIN_SETUP_SELF_TEST_FAILED: entry(
    (p: { reason: string }) => `the tensorflow engine was built and fails its self-test: ${p.reason}`,
    'The engine set up before, if any, was kept. Run again with --verbose and report the output.',
  ),
} as const;
