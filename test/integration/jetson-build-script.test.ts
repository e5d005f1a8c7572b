import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

/** The script runs on a Jetson for hours; here with stand-ins for device and programs, so it was NOT RUN ON HARDWARE. */
const script = join(import.meta.dirname, '../../firmware-configs/system/jetson/build-onnxruntime-node.sh');
const dir = mkdtempSync(join(tmpdir(), 'plumbline-jetson-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let made = 0;

const orinNano: Record<string, string> = {
  'etc/nv_tegra_release': '# R36 (release), REVISION: 4.3, GCID: 12345678, BOARD: generic, EABI: aarch64\n',
  'proc/meminfo': 'MemTotal:        7802000 kB\nSwapTotal:       8388604 kB\n',
  'usr/include/aarch64-linux-gnu/NvInfer.h': '',
  'usr/include/aarch64-linux-gnu/NvOnnxParser.h': '',
  'usr/local/cuda/bin/nvcc': '',
};

/** Shell bodies that answer as the device's programs do; git brings a source whose build makes the files the script takes. */
const programs: Record<string, string> = {
  uname: 'echo aarch64',
  'dpkg-query': "printf '10.3.0.30-1+cuda12.5'",
  df: 'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/nvme 1 1 90000000 1%% /\\n"',
  cmake: 'echo "cmake version 3.31.6"',
  'g++': '',
  python3: '',
  ldd: 'echo "libnvinfer.so.10 => /usr/lib/aarch64-linux-gnu/libnvinfer.so.10"',
  node: 'echo "onnxruntime-node 1.25.1: cpu, cuda, tensorrt"',
  git: `for last; do :; done
mkdir -p "$last/.git"
cat > "$last/build.sh" <<'EOF'
#!/bin/sh
echo "$@" > build-arguments
mkdir -p js/node/bin/napi-v6/linux/arm64 build/Linux/Release
touch js/node/bin/napi-v6/linux/arm64/onnxruntime_binding.node js/node/bin/napi-v6/linux/arm64/libonnxruntime.so.1.25.1
ln -s libonnxruntime.so.1.25.1 js/node/bin/napi-v6/linux/arm64/libonnxruntime.so.1
for provider in shared cuda tensorrt; do touch "build/Linux/Release/libonnxruntime_providers_$provider.so"; done
EOF
chmod +x "$last/build.sh"`,
  npm: `if [ "$1" = pack ]; then
  mkdir -p stage/package/bin/napi-v6/linux/x64 stage/package/dist
  echo '{}' > stage/package/package.json
  tar -czf "$4/onnxruntime-node-1.25.1.tgz" -C stage package
fi`,
};

function run(args: string[], changes: { files?: Record<string, string>; programs?: Record<string, string> } = {}) {
  const base = join(dir, String(made++));
  const [root, bin, work, out] = ['root', 'bin', 'work', 'out'].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const [name, text] of Object.entries({ ...orinNano, ...changes.files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  mkdirSync(bin);
  for (const [name, body] of Object.entries({ ...programs, ...changes.programs }))
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const env = { ...process.env, JETSON_ROOT: root, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const result = spawnSync('bash', [script, '--work', work, '--out', out, ...args], {
    encoding: 'utf8',
    env,
    cwd: base,
  });
  return { ...result, work, out };
}

describe.skipIf(process.platform !== 'linux')('build-onnxruntime-node.sh, with simulated programs', () => {
  it('prints every command on --dry-run and runs none', () => {
    const { status, stdout, stderr, work, out } = run(['--dry-run']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const commands = stdout.split('\n');
    expect(commands[2]).toMatch(/^git clone --depth 1 --branch v1\.25\.1 /);
    const build = commands.find((line) => line.startsWith('./build.sh'))!;
    for (const option of [
      '--config Release --update --build --parallel 2', // 16 GB of memory and swap, 6 GB a job
      '--build_shared_lib --build_nodejs --skip_tests',
      '--use_tensorrt --tensorrt_home /usr/lib/aarch64-linux-gnu',
      '--cuda_home /usr/local/cuda --cudnn_home /usr/lib/aarch64-linux-gnu',
      '--cmake_extra_defines CMAKE_CUDA_ARCHITECTURES=87 onnxruntime_BUILD_UNIT_TESTS=OFF',
    ])
      expect(build).toContain(option);
    expect(commands.at(-2)).toBe(`mv ${out}.partial ${out} `);
    expect([work, out].map((path) => existsSync(path))).toEqual([false, false]);
  });

  it('assembles the package from its JavaScript and what was built, and only then gives it its name', () => {
    const { status, stderr, stdout, out } = run(['--jobs', '1']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toContain(`export PLUMBLINE_ONNXRUNTIME=${out}`);
    expect(readdirSync(join(out, 'bin/napi-v6/linux'))).toEqual(['arm64']);
    expect(readdirSync(join(out, 'bin/napi-v6/linux/arm64')).sort()).toEqual([
      'libonnxruntime.so.1',
      'libonnxruntime.so.1.25.1',
      'libonnxruntime_providers_cuda.so',
      'libonnxruntime_providers_shared.so',
      'libonnxruntime_providers_tensorrt.so',
      'onnxruntime_binding.node',
    ]);
    expect(existsSync(`${out}.partial`)).toBe(false);
  });

  it.each([
    ['the binding lacks TensorRT', { node: 'exit 1' }, 'compiled without the TensorRT provider'],
    ['a library is missing', { ldd: 'echo "libcudnn.so.9 => not found"' }, 'libcudnn.so.9 => not found'],
    ['the build fails', { git: `${programs.git}\necho 'exit 3' > "$last/build.sh"` }, ''],
  ])('leaves no package when %s', (_, changed, complaint) => {
    const { status, stderr, out } = run([], { programs: changed });
    expect(status).not.toBe(0);
    expect(stderr).toContain(complaint);
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ['another processor', { programs: { uname: 'echo x86_64' } }, 'this machine is x86_64, not aarch64'],
    [
      'JetPack 5',
      { files: { 'etc/nv_tegra_release': '# R35 (release), REVISION: 3.1, BOARD: t186ref\n' } },
      'L4T 35.3.1 is JetPack 5, whose TensorRT 8.5 is too old',
    ],
    [
      'JetPack 7',
      { files: { 'etc/nv_tegra_release': '# R38 (release), REVISION: 2.0, BOARD: generic\n' } },
      'L4T 38.2.0 is not of JetPack 6.1 or 6.2',
    ],
    [
      'another TensorRT',
      { programs: { 'dpkg-query': "printf '10.7.0.23-1'" } },
      'libnvinfer10 is 10.7.0.23-1, not 10.3',
    ],
    [
      'an old cmake',
      { programs: { cmake: 'echo "cmake version 3.22.1"' } },
      'cmake is 3.22.1, at least 3.28 is needed',
    ],
    ['a full disk', { programs: { df: 'printf "F b U A C M\\n/dev/mmc 1 1 9000000 1%% /\\n"' } }, '9 GB are free in'],
    [
      'too little memory',
      { files: { 'proc/meminfo': 'MemTotal: 3900000 kB\nSwapTotal: 0 kB\n' } },
      'memory and swap are 3 GB, one compile job needs 6',
    ],
  ])('refuses %s before it changes anything', (_, changes, complaint) => {
    const { status, stdout, stderr, work } = run([], changes);
    expect(stderr).toContain(complaint);
    expect(stderr).toContain('Nothing was changed.');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(existsSync(work)).toBe(false);
  });

  it.each([[['--jobs', 'few']], [['--speed']], [['--out']]])('refuses %j', (args) => {
    const { status, stderr } = run(args);
    expect(stderr).toContain('accepted: --out DIR --work DIR --jobs N --dry-run --help');
    expect(status).toBe(2);
  });
});
