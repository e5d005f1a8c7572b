#!/usr/bin/env bash
# Builds onnxruntime-node with the TensorRT and CUDA providers on a Jetson: npm's package for arm64 knows the processor only,
# and its native binding has to be compiled with the provider, so copying libraries beside it is not enough.
# NOT RUN ON HARDWARE: tested with --dry-run and simulated facts. Takes hours on an Orin Nano.
set -euo pipefail

# What is pinned. Source of the pairing and of the build line: dusty-nv/jetson-containers (dd206bfe), which pairs JetPack 6.1,
# 6.2 and 6.2.1 with ONNX Runtime 1.20 to 1.25.1. By their source, 1.27 and newer build weakly typed engines with TensorRT 10,
# by a version check that takes 10.3 for 11 (microsoft/onnxruntime#28611), and lose INT8 with them.
onnxruntime_version=1.25.1
tensorrt_version=10.3          # of JetPack 6.1, 6.2 and 6.2.1
l4t_versions='36\.(4|5)(\.|$)' # Jetson Linux of these
cuda_architecture=87           # Orin
least_cmake=3.28               # ONNX Runtime's own demand (microsoft/onnxruntime#23888); Ubuntu 22.04 has 3.22
least_disk_gb=30               # source, build and package
job_memory_gb=6                # of one nvcc job
repository=https://github.com/microsoft/onnxruntime.git

usage() {
  cat <<EOF
usage: bash build-onnxruntime-node.sh [--out DIR] [--work DIR] [--jobs N] [--dry-run]

Builds onnxruntime-node $onnxruntime_version with TensorRT $tensorrt_version on a Jetson Orin with JetPack 6.1 or 6.2.
Not run on hardware yet.

  --out DIR    where the package goes (default ./onnxruntime-node); it must not exist
  --work DIR   source and build, kept for the next run (default ~/.cache/plumbline/onnxruntime-build)
  --jobs N     parallel compile jobs (default: by memory, $job_memory_gb GB each)
  --dry-run    report what the checks find, print every command and run none of them
  --help

example:
  bash build-onnxruntime-node.sh --out /opt/plumbline/onnxruntime-node
  export PLUMBLINE_ONNXRUNTIME=/opt/plumbline/onnxruntime-node
  plumbline doctor
EOF
}

out=$PWD/onnxruntime-node
work=${HOME:-/root}/.cache/plumbline/onnxruntime-build
jobs=''
dry_run=''
root=${JETSON_ROOT:-} # stands for / in tests

wrong_usage() {
  echo "$1; accepted: --out DIR --work DIR --jobs N --dry-run --help" >&2
  exit 2
}
while (($#)); do
  case $1 in
    --out | --work | --jobs)
      [[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
      case $1 in
        --out) out=$(realpath -m -- "$2") ;;
        --work) work=$(realpath -m -- "$2") ;;
        --jobs)
          [[ $2 =~ ^[1-9][0-9]*$ ]] || wrong_usage "--jobs is \"$2\""
          jobs=$2
          ;;
      esac
      shift
      ;;
    --dry-run) dry_run=1 ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) wrong_usage "unknown option $1" ;;
  esac
  shift
done

# Runs a command, or prints it as a shell would take it.
run() {
  if [[ -n $dry_run ]]; then
    printf '%q ' "$@"
    printf '\n'
  else
    "$@"
  fi
}

problems=()
# problem WHAT REMEDY
problem() { problems+=("$1"$'\n'"    $2"); }

# Whether version $1 is at least $2.
is_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

check_device() {
  local machine release l4t library
  machine=$(uname -m)
  [[ $machine == aarch64 ]] || problem "this machine is $machine, not aarch64" 'Run this on the Jetson itself.'
  release=$(head -n 1 "$root/etc/nv_tegra_release" 2>/dev/null || true)
  l4t=$(sed -nE 's/^# R([0-9]+) \(release\), REVISION: ([0-9.]+).*/\1.\2/p' <<<"$release")
  if [[ -z $l4t ]]; then
    problem "$root/etc/nv_tegra_release names no Jetson Linux" 'Install JetPack 6.2.'
  elif [[ $l4t == 35.* ]]; then
    problem "L4T $l4t is JetPack 5, whose TensorRT 8.5 is too old" 'Install JetPack 6.2.'
  elif ! [[ $l4t =~ ^$l4t_versions ]]; then
    problem "L4T $l4t is not of JetPack 6.1 or 6.2" 'Install JetPack 6.2; other releases were not looked at.'
  fi
  # shellcheck disable=SC2016 # fields of dpkg-query
  library=$(dpkg-query -W -f='${Version}' libnvinfer10 2>/dev/null || true)
  [[ $library == "$tensorrt_version".* ]] ||
    problem "libnvinfer10 is ${library:-not installed}, not $tensorrt_version" 'sudo apt-get install nvidia-jetpack'
  local file
  for file in usr/include/aarch64-linux-gnu/NvInfer.h usr/include/aarch64-linux-gnu/NvOnnxParser.h usr/local/cuda/bin/nvcc; do
    [[ -e $root/$file ]] || problem "$root/$file is missing" 'sudo apt-get install nvidia-jetpack'
  done
}

check_programs() {
  local program version
  for program in git g++ python3 node npm tar ldd; do
    command -v "$program" >/dev/null || problem "$program is not installed" "Install $program first."
  done
  version=$(cmake --version 2>/dev/null | sed -nE '1s/^cmake version ([0-9.]+).*/\1/p' || true)
  is_at_least "${version:-0}" "$least_cmake" ||
    problem "cmake is ${version:-not installed}, at least $least_cmake is needed" 'python3 -m pip install --user "cmake>=3.28,<4"'
}

check_room() {
  local existing=$work free_kb memory_kb swap_kb total_gb
  while [[ ! -d $existing ]]; do existing=$(dirname "$existing"); done
  free_kb=$(df -Pk "$existing" | awk 'NR == 2 { print $4 }')
  ((free_kb >= least_disk_gb * 1000000)) ||
    problem "$((free_kb / 1000000)) GB are free in $existing, $least_disk_gb are needed" 'Name a folder on an NVMe drive with --work.'
  memory_kb=$(awk '$1 == "MemTotal:" { print $2 }' "$root/proc/meminfo")
  swap_kb=$(awk '$1 == "SwapTotal:" { print $2 }' "$root/proc/meminfo")
  total_gb=$(((memory_kb + swap_kb) / 1000000))
  ((total_gb >= job_memory_gb)) ||
    problem "memory and swap are $total_gb GB, one compile job needs $job_memory_gb" 'Add a swap file: sudo fallocate -l 8G /swapfile and so on.'
  if [[ -z $jobs ]]; then
    jobs=$((total_gb / job_memory_gb))
    ((jobs >= 1)) || jobs=1
  fi
}

build() {
  if [[ ! -d $work/onnxruntime/.git ]]; then
    run mkdir -p "$work"
    run rm -rf "$work/source.partial"
    run git clone --depth 1 --branch "v$onnxruntime_version" --recurse-submodules --shallow-submodules "$repository" "$work/source.partial"
    run mv "$work/source.partial" "$work/onnxruntime"
  fi
  run cd "$work/onnxruntime"
  # As root ONNX Runtime asks for a flag of its own.
  local as_root=()
  if ((EUID == 0)); then as_root=(--allow_running_as_root); fi
  run ./build.sh --config Release --update --build --parallel "$jobs" --nvcc_threads 1 \
    --build_shared_lib --build_nodejs --skip_tests \
    --use_tensorrt --tensorrt_home /usr/lib/aarch64-linux-gnu \
    --cuda_home /usr/local/cuda --cudnn_home /usr/lib/aarch64-linux-gnu ${as_root[@]+"${as_root[@]}"} \
    --cmake_extra_defines "CMAKE_CUDA_ARCHITECTURES=$cuda_architecture" onnxruntime_BUILD_UNIT_TESTS=OFF
}

# The JavaScript of the same release with what was built in place of npm's binaries. It is complete under another name first.
assemble() {
  local partial=$out.partial
  local native=$partial/bin/napi-v6/linux/arm64
  run rm -rf "$partial"
  run mkdir -p "$partial"
  run npm pack "onnxruntime-node@$onnxruntime_version" --pack-destination "$work"
  run tar -xzf "$work/onnxruntime-node-$onnxruntime_version.tgz" --strip-components=1 -C "$partial"
  run rm -rf "$partial/bin"
  run mkdir -p "$native"
  local built=$work/onnxruntime/js/node/bin/napi-v6/linux/arm64 libraries=$work/onnxruntime/build/Linux/Release
  # The links among libonnxruntime.so, .so.1 and the file itself are kept: the binding asks for .so.1.
  run cp -a "$built/." "$native/"
  local provider
  for provider in shared cuda tensorrt; do
    run cp "$libraries/libonnxruntime_providers_$provider.so" "$native/"
  done
  # Its dependencies, without the script that would fetch x64 libraries.
  run npm install --prefix "$partial" --omit=dev --ignore-scripts --no-audit --no-fund
}

# Providers that the binding was compiled with, and whether their libraries find theirs. That a model runs is for
# `plumbline doctor` and `plumbline predict` to show.
verify() {
  local native=$out.partial/bin/napi-v6/linux/arm64
  # shellcheck disable=SC2016 # JavaScript
  local script='const m = require(process.argv[1]); const names = m.listSupportedBackends().map((b) => b.name);
console.log(`onnxruntime-node ${m.env.versions.node}: ${names.join(", ")}`); process.exit(names.includes("tensorrt") ? 0 : 1);'
  if ! run node -e "$script" "$out.partial"; then
    echo 'The binding was compiled without the TensorRT provider. In js/node: npm run build -- --config=Release --arch=arm64 --use_cuda --use_tensorrt' >&2
    exit 1
  fi
  local provider missing
  for provider in cuda tensorrt; do
    if [[ -n $dry_run ]]; then
      run ldd "$native/libonnxruntime_providers_$provider.so"
      continue
    fi
    missing=$(ldd "$native/libonnxruntime_providers_$provider.so" | grep 'not found' || true)
    [[ -z $missing ]] || {
      printf 'libonnxruntime_providers_%s.so lacks libraries:\n%s\n' "$provider" "$missing" >&2
      exit 1
    }
  done
  run mv "$out.partial" "$out"
}

[[ ! -e $out ]] || problem "$out exists already" 'Remove it, or name another folder with --out.'
check_device
check_programs
check_room
if ((${#problems[@]})); then
  for text in "${problems[@]}"; do echo "problem: $text" >&2; done
  if [[ -z $dry_run ]]; then
    echo 'Nothing was changed.' >&2
    exit 2
  fi
fi
build
assemble
verify
if [[ -z $dry_run ]]; then echo "$out is ready: export PLUMBLINE_ONNXRUNTIME=$out"; fi
