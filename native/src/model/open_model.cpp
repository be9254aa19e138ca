#include <algorithm>
#include <filesystem>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "formats/pytorch.h"
#include "formats/safetensors.h"
#include "model/gguf_config.h"
#include "model/hf_config.h"
#include "model/load_weights.h"
#include "model/open_sources.h"
#include "model/seal.h"

namespace mamba {
namespace {

constexpr size_t longest_json = size_t{16} << 20;

std::string_view text_of(const SourceFile& file) {
    if (file.bytes.size() > longest_json) fail(MAMBA_BAD_FORMAT, quote(file.name), " has more than ", longest_json, " bytes");
    return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

SourceFile map_file(const std::string& path) {
    const std::shared_ptr<const platform::MappedFile> mapping = platform::MappedFile::open(path);
    return {path, {mapping->data(), mapping->size()}, mapping};
}

// What the matrices point into lives as long as the model.
void keep(Model& model, const SourceFile& file) {
    if (file.mapping != nullptr) model.files.push_back(file.mapping);
}

std::string join(const std::string& directory, const std::string& name) {
    const bool closed = !directory.empty() && (directory.back() == '/' || directory.back() == '\\');
    return directory + (closed ? "" : "/") + name;
}

// The last part of a path, for general.name.
std::string last_part(std::string path) {
    while (path.size() > 1 && (path.back() == '/' || path.back() == '\\')) path.pop_back();
    const size_t slash = path.find_last_of("/\\");
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

// The files that model.safetensors.index.json (or its PyTorch counterpart) names.
std::vector<std::string> indexed_files(const std::string& directory, const std::string& index) {
    const Json json = parse_json(index, text_of(map_file(index)));
    const Json* map = json.find("weight_map");
    if (map == nullptr || !map->is(Json::Kind::object) || map->keys.empty()) fail(MAMBA_BAD_FORMAT, quote(index), " has no weight_map");
    std::set<std::string> names;
    for (size_t i = 0; i < map->keys.size(); ++i) {
        const Json& name = map->items[i];
        if (!name.is(Json::Kind::text) || name.text.empty() || name.text.find_first_of("/\\:") != std::string::npos || name.text == "..") {
            fail(MAMBA_BAD_FORMAT, quote(index), ": the tensor ", quote(map->keys[i]), " lies in no file of this directory");
        }
        names.insert(name.text);
    }
    std::vector<std::string> paths;
    for (const std::string& name : names) {
        paths.push_back(join(directory, name));
        if (platform::path_kind(paths.back()) != platform::PathKind::file) {
            fail(MAMBA_NOT_FOUND, quote(paths.back()), " is missing, though ", quote(index), " names it: the download is not complete");
        }
    }
    return paths;
}

// model-00001-of-00002.safetensors and the like, where no index was copied along.
std::vector<std::string> numbered_files(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(std::filesystem::path(std::u8string(directory.begin(), directory.end())), error), end;
         !error && entry != end; entry.increment(error)) {
        const std::u8string name = entry->path().filename().u8string();
        const std::string text(name.begin(), name.end());
        constexpr std::string_view first = "model", last = ".safetensors";
        if (text.size() > first.size() + last.size() && text.starts_with(first) && text.ends_with(last)) paths.push_back(join(directory, text));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

std::vector<std::string> weight_files(const std::string& directory) {
    const auto is_file = [](const std::string& path) { return platform::path_kind(path) == platform::PathKind::file; };
    for (const char* stem : {"model.safetensors", "pytorch_model.bin"}) {
        const std::string single = join(directory, stem);
        const std::string index = single + ".index.json";
        if (is_file(index)) return indexed_files(directory, index);
        if (is_file(single)) return {single};
        if (const auto numbered = numbered_files(directory); !numbered.empty()) return numbered;
    }
    fail(MAMBA_NOT_FOUND, quote(directory), " holds no weights: neither model.safetensors, nor model*.safetensors, nor pytorch_model.bin");
}

std::shared_ptr<const Model> open_directory(const std::string& path) {
    const std::string config_path = join(path, "config.json");
    if (platform::path_kind(config_path) != platform::PathKind::file) {
        fail(MAMBA_NOT_FOUND, quote(path), " is no checkpoint directory: it holds no config.json");
    }
    // The configuration first: a hybrid is refused by name, whatever files lie beside it.
    ModelConfig config = config_from_json(config_path, parse_json(config_path, text_of(map_file(config_path))));
    std::vector<SourceFile> files;
    for (const std::string& file : weight_files(path)) files.push_back(map_file(file));
    return model_from_checkpoint(path, std::move(config), files);
}

}  // namespace

std::shared_ptr<Model> model_from_gguf(const SourceFile& file) {
    GgufFile gguf = read_gguf(file);
    const MetadataView metadata(file.name, gguf.metadata);
    auto model = std::make_shared<Model>();
    keep(*model, file);
    if (gguf.tensors.tensors().empty()) {
        model->config.architecture = architecture_of(metadata);
    } else {
        model->config = config_from_metadata(metadata);
        load_weights(*model, file.name, gguf.tensors, Naming::gguf);
        seal(*model, file.name, Naming::gguf);
    }
    model->metadata = std::move(gguf.metadata);
    return model;
}

std::shared_ptr<Model> model_from_checkpoint(const std::string& name, ModelConfig config, const std::vector<SourceFile>& weights) {
    auto model = std::make_shared<Model>();
    model->config = std::move(config);
    TensorTable tensors;
    for (const SourceFile& file : weights) {
        if (file.name.ends_with(".safetensors")) {
            read_safetensors(file, tensors);
        } else {
            read_pytorch(file, tensors);
        }
        keep(*model, file);
    }
    load_weights(*model, name, tensors, Naming::hugging_face);
    seal(*model, name, Naming::hugging_face);
    model->metadata = describe(model->config, model->weight_type);
    replace(model->metadata, make_text("general.name", last_part(name)));
    return model;
}

std::shared_ptr<const Model> open_model(const std::string& path) {
    switch (platform::path_kind(path)) {
        case platform::PathKind::missing: fail(MAMBA_NOT_FOUND, "there is no file or directory ", quote(path));
        case platform::PathKind::other: fail(MAMBA_INVALID_ARGUMENT, quote(path), " is neither a file nor a directory");
        case platform::PathKind::directory: return open_directory(path);
        case platform::PathKind::file: break;
    }
    const SourceFile file = map_file(path);
    if (file.bytes.empty()) fail(MAMBA_BAD_FORMAT, quote(path), " is empty");
    const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()), std::min(file.bytes.size(), gguf_magic.size()));
    if (start != gguf_magic) {
        fail(MAMBA_BAD_FORMAT, quote(path), " is not a GGUF file; of a Hugging Face or state-spaces checkpoint, open the directory that holds its config.json");
    }
    return model_from_gguf(file);
}

}  // namespace mamba
