#include "formats/zip.h"

#include <algorithm>

namespace mamba {
namespace {

// Signatures and layouts: PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16.
constexpr uint32_t local_header = 0x04034b50, central_header = 0x02014b50, end_record = 0x06054b50, end_record64 = 0x06064b50,
                   end_locator64 = 0x07064b50;
constexpr size_t end_record_bytes = 22, longest_comment = 0xffff, end_locator64_bytes = 20;
constexpr uint32_t in_zip64 = 0xffffffffu;
constexpr uint16_t zip64_extra = 1;

uint32_t word_at(Bytes bytes, size_t position) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + position, sizeof(word));
    return word;
}

struct Directory {
    uint64_t entries = 0, offset = 0;
};

Directory find_directory(const SourceFile& file) {
    const Bytes bytes = file.bytes;
    if (bytes.size() < end_record_bytes) fail(MAMBA_BAD_FORMAT, quote(file.name), " is not a zip archive: it is too short");
    const size_t last = bytes.size() - end_record_bytes;
    const size_t first = last > longest_comment ? last - longest_comment : 0;
    size_t position = last;
    while (word_at(bytes, position) != end_record) {
        if (position == first) fail(MAMBA_BAD_FORMAT, quote(file.name), " is cut short or damaged: the zip archive has no end record");
        --position;
    }
    ByteReader reader(file.name, bytes, position + 10);
    Directory directory;
    directory.entries = reader.read<uint16_t>("the zip end record");
    reader.take(4, "the zip end record");
    directory.offset = reader.read<uint32_t>("the zip end record");
    if (position >= end_locator64_bytes && word_at(bytes, position - end_locator64_bytes) == end_locator64) {
        ByteReader locator(file.name, bytes, position - end_locator64_bytes + 8);
        const auto record = locator.read<uint64_t>("the zip64 locator");
        if (record > bytes.size()) fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the zip64 end record lies outside the file");
        ByteReader wide(file.name, bytes, static_cast<size_t>(record));
        if (wide.read<uint32_t>("the zip64 end record") != end_record64) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the zip64 end record is not where it should be");
        }
        wide.take(28, "the zip64 end record");
        directory.entries = wide.read<uint64_t>("the zip64 end record");
        wide.take(8, "the zip64 end record");
        directory.offset = wide.read<uint64_t>("the zip64 end record");
    }
    if (directory.offset > bytes.size()) fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the zip directory lies outside the file");
    return directory;
}

}  // namespace

bool is_zip(Bytes bytes) { return bytes.size() >= 4 && word_at(bytes, 0) == local_header; }

std::vector<ZipEntry> read_zip(const SourceFile& file) {
    const Directory directory = find_directory(file);
    ByteReader reader(file.name, file.bytes, static_cast<size_t>(directory.offset));
    constexpr size_t smallest_entry = 46;
    if (directory.entries > reader.remaining() / smallest_entry) {
        fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the zip directory claims ", directory.entries, " entries, more than fit in the file");
    }
    std::vector<ZipEntry> entries;
    for (uint64_t i = 0; i < directory.entries; ++i) {
        if (reader.read<uint32_t>("the zip directory") != central_header) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: entry ", i, " of the zip directory has no header");
        }
        reader.take(4, "the zip directory");
        const auto flags = reader.read<uint16_t>("the zip directory");
        const auto method = reader.read<uint16_t>("the zip directory");
        reader.take(8, "the zip directory");
        uint64_t stored = reader.read<uint32_t>("the zip directory");
        uint64_t size = reader.read<uint32_t>("the zip directory");
        const auto name_length = reader.read<uint16_t>("the zip directory");
        const auto extra_length = reader.read<uint16_t>("the zip directory");
        const auto comment_length = reader.read<uint16_t>("the zip directory");
        reader.take(8, "the zip directory");
        uint64_t offset = reader.read<uint32_t>("the zip directory");
        ZipEntry entry;
        entry.name = reader.text(name_length, "a name in the zip directory");
        ByteReader extra(file.name, reader.take(extra_length, "the zip directory"));
        while (extra.remaining() >= 4) {
            const auto id = extra.read<uint16_t>("an extra field of the zip directory");
            const auto length = extra.read<uint16_t>("an extra field of the zip directory");
            ByteReader field(file.name, extra.take(length, "an extra field of the zip directory"));
            if (id != zip64_extra) continue;
            if (size == in_zip64) size = field.read<uint64_t>("a zip64 size");
            if (stored == in_zip64) stored = field.read<uint64_t>("a zip64 size");
            if (offset == in_zip64) offset = field.read<uint64_t>("a zip64 offset");
        }
        reader.take(comment_length, "the zip directory");

        if ((flags & 1u) != 0) fail(MAMBA_UNSUPPORTED, quote(file.name), ": the entry ", quote(entry.name), " is encrypted");
        if (method != 0 || stored != size) {
            fail(MAMBA_UNSUPPORTED, quote(file.name), ": the entry ", quote(entry.name),
                 " is compressed, which torch.save does not do: unpack the archive and pack it without compression");
        }
        if (offset > file.bytes.size()) fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the entry ", quote(entry.name), " lies outside the file");
        ByteReader local(file.name, file.bytes, static_cast<size_t>(offset));
        if (local.read<uint32_t>("a zip entry") != local_header) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the entry ", quote(entry.name), " has no header where the directory says");
        }
        local.take(22, "a zip entry");
        const auto local_name_length = local.read<uint16_t>("a zip entry");
        const auto local_extra_length = local.read<uint16_t>("a zip entry");
        local.take(uint64_t{local_name_length} + local_extra_length, "a zip entry");
        entry.data = local.take(size, "a zip entry");
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace mamba
