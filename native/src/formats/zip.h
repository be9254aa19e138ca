// Zip archives as PyTorch writes them: entries stored without compression.
#pragma once

#include <string>
#include <vector>

#include "formats/tensor_table.h"

namespace mamba {

struct ZipEntry {
    std::string name;
    Bytes data;
};

// True where the bytes begin as a zip archive does.
bool is_zip(Bytes bytes);
// The entries in the order of the central directory. Zip64 is read; check sums are not verified; compressed or encrypted entries
// are refused.
std::vector<ZipEntry> read_zip(const SourceFile& file);

}  // namespace mamba
