# Builds one preset of the native core: cmake [-DPRESET=release] -P build/native.cmake
# The .NET build, build/native and build/native.ps1 all come through here. Safe to start several times at once: the second
# waits for the first and then finds nothing to do. Prints nothing when it succeeds, and the errors when it fails.
cmake_minimum_required(VERSION 3.21)
if(NOT PRESET)
  set(PRESET release)
endif()
cmake_path(SET native NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../native")
set(folder "${native}/out/${PRESET}")
file(MAKE_DIRECTORY "${folder}")
file(LOCK "${native}/out/${PRESET}.lock" GUARD PROCESS TIMEOUT 1800)

function(run what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${native}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    if(errors MATCHES "unable to find a build program")
      message(FATAL_ERROR "CMake needs Ninja or make and found neither: install one (Debian, Ubuntu: apt-get install ninja-build).")
    elseif(errors MATCHES "No CMAKE_CXX_COMPILER could be found|could not find any instance of Visual Studio")
      message(FATAL_ERROR "The native core needs a C++20 compiler and none was found: install one (Debian, Ubuntu: apt-get install g++; "
        "macOS: xcode-select --install; Windows: Visual Studio 2022 with the C++ workload), or name it in the variable CXX.")
    endif()
    set(log "${native}/out/${PRESET}.log")
    file(WRITE "${log}" "${output}${errors}")
    # Building prints every command: only the errors are worth repeating.
    if(what STREQUAL "Building")
      file(STRINGS "${log}" errors REGEX "error|Error|undefined reference")
      list(JOIN errors "\n" errors)
    endif()
    string(REPLACE "\n" "\n  " errors "${errors}")
    message(FATAL_ERROR "${what} the native core failed. The whole log is ${log}\n  ${errors}")
  endif()
endfunction()

# Ninja where it is installed; on Windows only inside a developer prompt, because elsewhere it does not find the compiler.
# A build folder keeps the generator that it was made with.
if(NOT DEFINED ENV{CMAKE_GENERATOR})
  find_program(ninja NAMES ninja ninja-build)
  find_program(cl NAMES cl)
  if(ninja AND (NOT CMAKE_HOST_WIN32 OR cl OR DEFINED ENV{CXX}))
    set(ENV{CMAKE_GENERATOR} Ninja)
  endif()
endif()
run("Configuring" "${CMAKE_COMMAND}" --preset "${PRESET}")

cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
run("Building" "${CMAKE_COMMAND}" --build --preset "${PRESET}" --config Release --target mamba --parallel "${processors}")
