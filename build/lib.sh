# shellcheck shell=bash
# Shared by the scripts in this folder. Sourced at the repository's root, once $logs is a folder.
export LC_ALL=C
cores=$(getconf _NPROCESSORS_ONLN)
if command -v ninja > /dev/null && [ -z "${CMAKE_GENERATOR:-}" ]; then
  export CMAKE_GENERATOR=Ninja
fi

# What the native tests, fuzz targets and cross builds need: Debian's and Ubuntu's package, and a command or file that it brings.
packages_of() {
  case $1 in
    native) echo "cmake=cmake g++=g++ ninja-build=ninja libgtest-dev=/usr/include/gtest/gtest.h" ;;
    sanitizers) echo "cmake=cmake g++=g++ ninja-build=ninja googletest=/usr/src/googletest/CMakeLists.txt" ;;
    fuzz) echo "cmake=cmake ninja-build=ninja clang-14=clang++-14 libclang-rt-14-dev=/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.fuzzer-*.a" ;;
    coverage) echo "$(packages_of fuzz) llvm-14=llvm-cov-14" ;;
    cross) echo "cmake=cmake ninja-build=ninja googletest=/usr/src/googletest/CMakeLists.txt g++-aarch64-linux-gnu=aarch64-linux-gnu-g++" \
      "g++-mingw-w64-x86-64-posix=x86_64-w64-mingw32-g++-posix qemu-user=qemu-aarch64" ;;
    cuda) echo "cmake=cmake ninja-build=ninja" ;;
    nvcc-11) echo "g++-11=g++-11" ;;
    managed) echo "cmake=cmake g++=c++ ninja-build=ninja clang-14=clang-14 redis-server=redis-server" ;;
  esac
}

install() { # PACKAGE...
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
}

# need PART...: installs what is missing when run as root on Debian or Ubuntu; elsewhere names it and fails.
need() {
  local part entry probe missing=""
  for part in "$@"; do
    for entry in $(set -f; packages_of "$part"); do
      probe=${entry#*=}
      case $probe in
        /*) compgen -G "$probe" > /dev/null ;;
        *) command -v "$probe" > /dev/null ;;
      esac || case " $missing " in *" ${entry%%=*} "*) ;; *) missing="$missing ${entry%%=*}" ;; esac
    done
  done
  if [ -z "$missing" ]; then
    return 0
  fi
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing:$missing"
    # shellcheck disable=SC2086,SC2154 # a list of packages; the scripts name the folder of logs
    if ! install $missing > "$logs/apt.log" 2>&1; then
      cat "$logs/apt.log"
      echo "These packages are needed and could not be installed:$missing" >&2
      return 1
    fi
    if [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja > /dev/null; then
      export CMAKE_GENERATOR=Ninja
    fi
  else
    echo "These packages (Debian's and Ubuntu's names) are needed; install them and try again:$missing" >&2
    return 1
  fi
}

# build PRESET [CONFIGURE OPTION...]: configures and builds one preset of native/CMakePresets.json. A build gives way to tests: an engine's
# threads wait for each other some times a token, each time for as long as the scheduler leaves a compiler where one of them must run.
build() {
  (cd native && cmake --preset "$@" && nice cmake --build --preset "$1" --parallel "$cores")
}

# One line for each check. A failing one prints its whole log.
passed=0
failed=0
pass() { # NAME [COUNT]
  passed=$((passed + ${2:-1}))
  echo "  ok    $1"
}
fail() { # NAME LOG [COUNT]
  failed=$((failed + ${3:-1}))
  echo "  FAIL  $1"
  sed 's/^/        /' "$2"
}
# check NAME COMMAND...: runs the command; it passes when it exits with 0. Counts as one.
check() {
  local name=$1 log start=$SECONDS
  shift
  log="$logs/$(echo "$name" | tr -c 'A-Za-z0-9\n' '-').log"
  if "$@" > "$log" 2>&1; then
    pass "$name ($((SECONDS - start)) s)"
  else
    fail "$name" "$log"
    return 1
  fi
}

# limit SECONDS COMMAND...: ends a command that hangs, where the system can.
limit() {
  if command -v timeout > /dev/null; then
    timeout --kill-after=10 "$@"
  else
    shift
    "$@"
  fi
}
