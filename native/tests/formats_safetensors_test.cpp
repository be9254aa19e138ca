#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/safetensors_builder.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

void read_bytes(const std::string& bytes, TensorTable& table) {
    SourceFile file;
    file.name = "model.safetensors";
    file.bytes = as_bytes(bytes);
    read_safetensors(file, table);
}

void expect_refused(std::string_view header, std::initializer_list<std::string_view> parts) {
    const std::string bytes = safetensors_file(header, "0123456789abcdef");
    TensorTable table;
    expect_error(MAMBA_BAD_FORMAT, parts, [&] { read_bytes(bytes, table); });
}

TEST(Safetensors, ReadsTensorsOfEveryType) {
    const std::string bytes = safetensors_file(
        R"({"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}, "b": {"dtype": "BF16", "shape": [2], "data_offsets": [8, 12]},
            "c": {"dtype": "I32", "shape": [], "data_offsets": [12, 16]}, "d": {"dtype": "F16", "shape": [0], "data_offsets": [4, 4]}})", "0123456789abcdef");
    TensorTable table;
    read_bytes(bytes, table);
    ASSERT_EQ(table.tensors().size(), 4u);
    EXPECT_EQ(table.find("a")->shape, (Shape{1, 2}));
    EXPECT_EQ(table.find("b")->type, WeightType::bf16);
    EXPECT_EQ(table.find("b")->data.size(), 4u);
    EXPECT_EQ(table.find("c")->type, std::nullopt);
    EXPECT_EQ(table.find("c")->type_name, "I32");
    EXPECT_EQ(table.find("e"), nullptr);
}

TEST(Safetensors, DamageIsNamed) {
    expect_refused(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", {"'a'", "'b'", "overlap"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [4, 20]}})", {"'a'", "byte 20", "which has 16"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}})", {"'a'", "no range"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [-4, 12]}})", {"'a'", "no range"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 16]}})", {"'a'", "[3]", "16 bytes"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [1152921504606846976, 1152921504606846976], "data_offsets": [0, 16]}})", {"'a'", "1152921504606846976"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}})", {"'a'", "no count"});
    expect_refused(R"({"a": {"dtype": "Q2", "shape": [4], "data_offsets": [0, 16]}})", {"'a'", "unknown type 'Q2'"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [4]}})", {"'a'", "lacks"});
    expect_refused(R"({"a": 3})", {"'a'", "lacks"});
    expect_refused(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", {"'a'", "twice"});
    expect_refused("[]", {"no JSON object"});
    expect_refused("{", {"not valid JSON"});
}

TEST(Safetensors, HeadersThatCannotBeAreRefused) {
    TensorTable table;
    for (const uint64_t length : {uint64_t{1} << 60, ~uint64_t{0}, uint64_t{17}}) {
        const std::string bytes = BytesBuilder().number(length).raw("0123456789abcdef").bytes;
        expect_error(MAMBA_BAD_FORMAT, {"model.safetensors", "the header ends past the end"}, [&] { read_bytes(bytes, table); });
    }
    expect_error(MAMBA_BAD_FORMAT, {"cut short"}, [&] { read_bytes("1234", table); });
    const std::string large = BytesBuilder().number(uint64_t{17} << 20).raw(std::string(size_t{18} << 20, ' ')).bytes;
    expect_error(MAMBA_BAD_FORMAT, {"header of 17825792 bytes"}, [&] { read_bytes(large, table); });
}

}  // namespace
}  // namespace mamba::test
