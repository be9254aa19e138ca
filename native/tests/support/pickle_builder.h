// PyTorch checkpoints, right or wrong: the pickle opcodes as torch.save writes them (protocol 2), and the zip archive around them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/bytes_builder.h"

namespace mamba::test {

class PickleBuilder {
public:
    PickleBuilder() { out_.raw("\x80\x02"); }

    PickleBuilder& op(std::string_view code) {
        out_.raw(code);
        return *this;
    }
    PickleBuilder& text(std::string_view value) {
        out_.raw("X").number<uint32_t>(static_cast<uint32_t>(value.size())).raw(value);
        return *this;
    }
    PickleBuilder& integer(int64_t value) {
        if (value >= INT32_MIN && value <= INT32_MAX) {
            out_.raw("J").number<int32_t>(static_cast<int32_t>(value));
        } else {
            out_.raw("\x8a\x08").number<int64_t>(value);
        }
        return *this;
    }
    PickleBuilder& tuple(const std::vector<int64_t>& values) {
        op("(");
        for (const int64_t value : values) integer(value);
        return op("t");
    }
    PickleBuilder& global(std::string_view module, std::string_view name) {
        out_.raw("c").raw(module).raw("\n").raw(name).raw("\n");
        return *this;
    }
    PickleBuilder& ordered_dict() { return global("collections", "OrderedDict").op(")R"); }
    PickleBuilder& storage(std::string_view storage_class, std::string_view key, int64_t count) {
        return op("(").text("storage").global("torch", storage_class).text(key).text("cpu").integer(count).op("tQ");
    }
    PickleBuilder& tensor(std::string_view storage_class, std::string_view key, int64_t count, int64_t offset, const std::vector<int64_t>& shape,
                          const std::vector<int64_t>& strides) {
        global("torch._utils", "_rebuild_tensor_v2").op("(").storage(storage_class, key, count).integer(offset).tuple(shape).tuple(strides);
        return op("\x89").ordered_dict().op("tR");
    }
    std::string stop() { return op(".").bytes(); }
    const std::string& bytes() const { return out_.bytes; }

private:
    BytesBuilder out_;
};

struct ZipBuilder {
    struct Entry {
        std::string name, data;
    };
    std::vector<Entry> entries;
    uint16_t method = 0, flags = 0;
    bool zip64 = false;
    std::string comment;

    ZipBuilder& add(std::string name, std::string data) {
        entries.push_back({std::move(name), std::move(data)});
        return *this;
    }
    std::string build() const {
        BytesBuilder out, directory;
        for (const Entry& entry : entries) {
            const auto offset = static_cast<uint32_t>(out.bytes.size()), size = static_cast<uint32_t>(entry.data.size());
            const auto name_length = static_cast<uint16_t>(entry.name.size());
            out.number<uint32_t>(0x04034b50).all<uint16_t>({20, flags, method, 0, 0}).all<uint32_t>({0, size, size}).all<uint16_t>({name_length, 4});
            out.raw(entry.name).raw("FB").number<uint16_t>(0).raw(entry.data);
            directory.number<uint32_t>(0x02014b50).all<uint16_t>({20, 20, flags, method, 0, 0}).number<uint32_t>(0);
            if (zip64) {
                directory.all<uint32_t>({0xffffffffu, 0xffffffffu}).all<uint16_t>({name_length, 28, 0, 0, 0}).all<uint32_t>({0, 0xffffffffu}).raw(entry.name);
                directory.all<uint16_t>({1, 24}).all<uint64_t>({size, size, offset});
            } else {
                directory.all<uint32_t>({size, size}).all<uint16_t>({name_length, 0, 0, 0, 0}).all<uint32_t>({0, offset}).raw(entry.name);
            }
        }
        const uint64_t start = out.bytes.size(), count = entries.size();
        out.raw(directory.bytes);
        if (zip64) {
            const uint64_t record = out.bytes.size();
            out.number<uint32_t>(0x06064b50).number<uint64_t>(44).all<uint16_t>({45, 45}).all<uint32_t>({0, 0});
            out.all<uint64_t>({count, count, directory.bytes.size(), start});
            out.number<uint32_t>(0x07064b50).number<uint32_t>(0).number<uint64_t>(record).number<uint32_t>(1);
        }
        const auto short_count = static_cast<uint16_t>(zip64 ? 0xffff : count);
        out.number<uint32_t>(0x06054b50).all<uint16_t>({0, 0, short_count, short_count}).number<uint32_t>(static_cast<uint32_t>(directory.bytes.size()));
        out.number<uint32_t>(zip64 ? 0xffffffffu : static_cast<uint32_t>(start)).number<uint16_t>(static_cast<uint16_t>(comment.size())).raw(comment);
        return out.bytes;
    }
};

}  // namespace mamba::test
