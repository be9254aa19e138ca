# shellcheck shell=bash
# Where nvcc comes from. Sourced by build/cuda, after build/lib.sh.

find_nvcc() {
  local candidate
  for candidate in "$(command -v nvcc || true)" "${CUDA_HOME:-}/bin/nvcc" /usr/local/cuda/bin/nvcc; do
    if [ -x "$candidate" ]; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# unpack_nvcc DIRECTORY: a conventional tree of CUDA 11.8, as CMake expects one, from Debian 12's packages; nothing is installed, and the
# system's package lists stay as they are. Prints the compiler's path.
unpack_nvcc() {
  local tree=$1 work parts part
  tree=$(mkdir -p "$tree" && cd "$tree" && pwd)
  if [ -x "$tree/bin/nvcc" ]; then
    echo "$tree/bin/nvcc"
    return 0
  fi
  if ! command -v apt-get > /dev/null || ! command -v dpkg-deb > /dev/null; then
    echo "There is no nvcc on this machine: install CUDA 11.8 or newer, or set CUDA_HOME." >&2
    return 1
  fi
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/raw"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main contrib non-free" > "$work/sources"
  local own=(-o "Dir::Etc::sourcelist=$work/sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache")
  {
    apt-get "${own[@]}" update
    (cd "$work" && apt-get "${own[@]}" download nvidia-cuda-toolkit nvidia-cuda-dev)
    dpkg-deb --fsys-tarfile "$work"/nvidia-cuda-toolkit_*.deb | tar -C "$work/raw" -xf -
    dpkg-deb --fsys-tarfile "$work"/nvidia-cuda-dev_*.deb | tar -C "$work/raw" -xf - ./usr/include \
      ./usr/lib/x86_64-linux-gnu/libcudart_static.a ./usr/lib/x86_64-linux-gnu/libcudadevrt.a
  } >&2
  mkdir -p "$tree/bin" "$tree/nvvm/bin" "$tree/nvvm/libdevice" "$tree/lib64"
  parts="$work/raw/usr/lib/nvidia-cuda-toolkit"
  cp -r "$parts/bin/crt" "$tree/bin/"
  for part in ptxas fatbinary cudafe++ nvlink bin2c cuobjdump nvdisasm; do cp "$work/raw/usr/bin/$part" "$tree/bin/"; done
  cp "$parts/bin/cicc" "$tree/nvvm/bin/"
  cp "$parts/libdevice/libdevice.10.bc" "$tree/nvvm/libdevice/"
  cp -r "$work/raw/usr/include" "$tree/include"
  cp "$work"/raw/usr/lib/x86_64-linux-gnu/*.a "$tree/lib64/"
  cat > "$tree/bin/nvcc.profile" <<'PROFILE'
TOP = $(_HERE_)/..
PATH += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES += "-I$(TOP)/include" $(_SPACE_)
LIBRARIES =+ $(_SPACE_) "-L$(TOP)/lib64"
PROFILE
  cp "$parts/bin/nvcc" "$tree/bin/"  # last: it says that the tree is whole
  rm -rf "$work"
  echo "$tree/bin/nvcc"
}
