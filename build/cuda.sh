# shellcheck shell=bash
# Where nvcc comes from. Sourced by build/cuda and build/test, after build/lib.sh.

# cuda_toolkit: prints the path of an nvcc whose host compiler is there too. Where it cannot be had, the last line of standard error says why.
cuda_toolkit() {
  local nvcc
  nvcc=$(find_nvcc || unpack_nvcc native/out/cuda-toolkit) || return
  if is_cuda_11 "$nvcc"; then
    need nvcc-11 >&2 || return
  fi
  echo "$nvcc"
}

is_cuda_11() { # NVCC
  "$1" --version | grep -q 'release 11\.'
}

# That of the PATH, of CUDA_HOME or of /usr/local/cuda, or what unpack_nvcc has left before.
find_nvcc() {
  local candidate
  for candidate in "$(command -v nvcc || true)" "${CUDA_HOME:-}/bin/nvcc" /usr/local/cuda/bin/nvcc "$PWD/native/out/cuda-toolkit/bin/nvcc"; do
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
  local tree=$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg
  if ! command -v apt-get > /dev/null || [ ! -e $keys ] || [ "$(dpkg --print-architecture)" != amd64 ]; then
    echo "there is no nvcc on this machine, and only on Debian for x86-64 can one be unpacked: install CUDA 11.8 or newer, or set CUDA_HOME" >&2
    return 1
  fi
  rm -rf "$tree" && mkdir -p "$tree" && tree=$(cd "$tree" && pwd) || return
  if ! fetch_cuda "$tree/work" "$keys" >&2 || ! arrange_cuda "$tree" >&2; then
    rm -rf "$tree"
    echo "CUDA 11.8 could not be fetched from deb.debian.org and unpacked into $tree" >&2
    return 1
  fi
  echo "$tree/bin/nvcc"
}

# fetch_cuda DIRECTORY KEYS: what is needed of two packages, into DIRECTORY/raw.
fetch_cuda() {
  local work=$1 own
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/raw"
  echo "deb [signed-by=$2] http://deb.debian.org/debian bookworm main contrib non-free" > "$work/sources"
  own=(-o "Dir::Etc::sourcelist=$work/sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache")
  apt-get "${own[@]}" -o APT::Update::Error-Mode=any update || return
  (cd "$work" && apt-get "${own[@]}" download nvidia-cuda-toolkit nvidia-cuda-dev) || return
  dpkg-deb --fsys-tarfile "$work"/nvidia-cuda-toolkit_*.deb | tar -C "$work/raw" -xf - ./usr/bin ./usr/lib/nvidia-cuda-toolkit || return
  # 774 MB in one stream, of which the first two fifths hold all that is needed; the rest, the static libraries, would take a minute.
  local wanted=(./usr/include ./usr/lib/x86_64-linux-gnu/libcudadevrt.a ./usr/lib/x86_64-linux-gnu/libcudart_static.a)
  dpkg-deb --fsys-tarfile "$work"/nvidia-cuda-dev_*.deb 2> /dev/null | head -c 1200000000 |
    tar -C "$work/raw" --occurrence=1 -xf - "${wanted[@]}"
  (cd "$work/raw" && ls -d "${wanted[@]}") > /dev/null
}

# arrange_cuda TREE: puts the parts in TREE/work/raw where nvcc and CMake look for them. nvcc comes last: it says that the tree is whole.
arrange_cuda() {
  local tree=$1 raw=$1/work/raw/usr
  local toolkit=$raw/lib/nvidia-cuda-toolkit
  mkdir -p "$tree/bin" "$tree/nvvm/bin" "$tree/lib64" || return
  cat > "$tree/bin/nvcc.profile" <<'PROFILE'
TOP = $(_HERE_)/..
PATH += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES += "-I$(TOP)/include" $(_SPACE_)
LIBRARIES =+ $(_SPACE_) "-L$(TOP)/lib64"
PROFILE
  (cd "$raw/bin" && mv ptxas fatbinary cudafe++ nvlink bin2c "$tree/bin/") &&
    mv "$toolkit/bin/crt" "$tree/bin/" &&
    mv "$toolkit/bin/cicc" "$tree/nvvm/bin/" &&
    mv "$toolkit/libdevice" "$tree/nvvm/" &&
    mv "$raw/include" "$tree/" &&
    mv "$raw"/lib/x86_64-linux-gnu/*.a "$tree/lib64/" &&
    mv "$toolkit/bin/nvcc" "$tree/bin/" &&
    rm -rf "$tree/work"
}
