# Builds the native library into native\out\release (or native\out\PRESET). Usage: build\native.ps1 [PRESET]
param([string] $Preset = 'release')
if (-not (Get-Command cmake -ErrorAction SilentlyContinue)) {
    Write-Error 'The native core needs CMake 3.21 or newer: install it (winget install Kitware.CMake).'
    exit 1
}
cmake "-DPRESET=$Preset" -P "$PSScriptRoot/native.cmake"
exit $LASTEXITCODE
