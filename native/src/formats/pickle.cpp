#include "formats/pickle.h"

#include <unordered_map>
#include <utility>

namespace mamba {
namespace {

// Pickles of real state dicts are below 1 MiB; the bound keeps a forged one from filling the memory with values.
constexpr size_t longest_pickle = size_t{4} << 20;
constexpr size_t most_tensor_dimensions = 8;

// Opcodes: Python's pickletools. Protocol 2 is what torch.save writes; 4 adds frames, short strings and MEMOIZE.
enum Opcode : uint8_t {
    op_mark = '(', op_stop = '.', op_pop = '0', op_none = 'N', op_binint = 'J', op_binint1 = 'K', op_binint2 = 'M', op_binfloat = 'G',
    op_binunicode = 'X', op_append = 'a', op_appends = 'e', op_build = 'b', op_global = 'c', op_empty_dict = '}', op_empty_list = ']',
    op_empty_tuple = ')', op_tuple = 't', op_binget = 'h', op_long_binget = 'j', op_binput = 'q', op_long_binput = 'r', op_reduce = 'R',
    op_setitem = 's', op_setitems = 'u', op_binpersid = 'Q', op_proto = 0x80, op_tuple1 = 0x85, op_tuple2 = 0x86, op_tuple3 = 0x87,
    op_newtrue = 0x88, op_newfalse = 0x89, op_long1 = 0x8a, op_short_binunicode = 0x8c, op_stack_global = 0x93, op_memoize = 0x94,
    op_frame = 0x95,
};

// Values live in one array and name each other by index: no recursion, whatever the nesting.
using Ref = uint32_t;

struct Value {
    enum class Kind { none, boolean, integer, real, text, tuple, list, dict, global, storage, tensor };
    Kind kind = Kind::none;
    int64_t integer = 0;
    std::string_view text;        // text; global: the name within its module
    std::string_view module;      // global
    std::vector<Ref> items;       // tuple, list; dict: key, value, key, value; storage: class, key, count; tensor: storage, offset, shape, strides
};

class Interpreter {
public:
    Interpreter(const std::string& file, Bytes pickle) : reader_(file, pickle) {}

    std::vector<PickledTensor> run() {
        while (step()) {}
        const Value& root = value(pop());
        if (root.kind != Value::Kind::dict) refuse("it does not hold a dict of tensors");
        std::vector<PickledTensor> tensors;
        for (size_t i = 0; i < root.items.size(); i += 2) tensors.push_back(tensor(root.items[i], root.items[i + 1]));
        return tensors;
    }

private:
    using Kind = Value::Kind;

    template <typename... Parts>
    [[noreturn]] void refuse(const Parts&... what) const {
        fail(MAMBA_BAD_FORMAT, "the pickle in ", quote(reader_.file()), " is not a state dict: ", what...);
    }

    // -- values and the stack

    Value& value(Ref ref) { return values_[ref]; }
    void push(Value made) {
        stack_.push_back(static_cast<Ref>(values_.size()));
        values_.push_back(std::move(made));
    }
    void push(Kind kind, int64_t integer = 0) {
        Value made;
        made.kind = kind;
        made.integer = integer;
        push(std::move(made));
    }
    void push_text(std::string_view text) {
        Value made;
        made.kind = Kind::text;
        made.text = text;
        push(std::move(made));
    }
    Ref pop() {
        if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("its stack runs empty");
        const Ref top = stack_.back();
        stack_.pop_back();
        return top;
    }
    Ref top() {
        const Ref top = pop();
        stack_.push_back(top);
        return top;
    }
    std::vector<Ref> pop_to_mark() {
        if (marks_.empty()) refuse("a mark is missing");
        const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<Ref> items(first, stack_.end());
        stack_.erase(first, stack_.end());
        marks_.pop_back();
        return items;
    }
    void push_items(Kind kind, std::vector<Ref> items) {
        Value made;
        made.kind = kind;
        made.items = std::move(items);
        push(std::move(made));
    }
    void push_tuple(size_t count) {
        std::vector<Ref> items(count);
        for (size_t i = count; i-- > 0;) items[i] = pop();
        push_items(Kind::tuple, std::move(items));
    }
    const Value& item(Ref tuple, size_t i, Kind kind, const char* what) {
        const Value& holder = value(tuple);
        if (i >= holder.items.size() || value(holder.items[i]).kind != kind) refuse("it lacks ", what);
        return value(holder.items[i]);
    }

    // -- opcodes

    bool step() {
        const auto code = reader_.read<uint8_t>("the pickle");
        switch (code) {
            case op_stop: return false;
            case op_proto: {
                const int protocol = reader_.read<uint8_t>("the pickle");
                if (protocol > 5) refuse("pickle protocol ", protocol, " is unknown");
                break;
            }
            case op_frame: reader_.read<uint64_t>("the pickle"); break;
            case op_mark: marks_.push_back(stack_.size()); break;
            case op_pop: pop(); break;
            case op_none: push(Kind::none); break;
            case op_newtrue: push(Kind::boolean, 1); break;
            case op_newfalse: push(Kind::boolean, 0); break;
            case op_binint: push(Kind::integer, reader_.read<int32_t>("the pickle")); break;
            case op_binint1: push(Kind::integer, reader_.read<uint8_t>("the pickle")); break;
            case op_binint2: push(Kind::integer, reader_.read<uint16_t>("the pickle")); break;
            case op_long1: push(Kind::integer, long_integer(reader_.read<uint8_t>("the pickle"))); break;
            case op_binfloat:
                reader_.take(8, "the pickle");
                push(Kind::real);
                break;
            case op_binunicode: push_text(reader_.text(reader_.read<uint32_t>("the pickle"), "a string in the pickle")); break;
            case op_short_binunicode: push_text(reader_.text(reader_.read<uint8_t>("the pickle"), "a string in the pickle")); break;
            case op_empty_dict: push(Kind::dict); break;
            case op_empty_list: push(Kind::list); break;
            case op_empty_tuple: push(Kind::tuple); break;
            case op_tuple: push_items(Kind::tuple, pop_to_mark()); break;
            case op_tuple1: push_tuple(1); break;
            case op_tuple2: push_tuple(2); break;
            case op_tuple3: push_tuple(3); break;
            case op_append: append({pop()}, Kind::list); break;
            case op_appends: append(pop_to_mark(), Kind::list); break;
            case op_setitem: {
                const Ref item = pop(), key = pop();
                append({key, item}, Kind::dict);
                break;
            }
            case op_setitems: append(pop_to_mark(), Kind::dict); break;
            case op_binput: memo_[reader_.read<uint8_t>("the pickle")] = top(); break;
            case op_long_binput: memo_[reader_.read<uint32_t>("the pickle")] = top(); break;
            case op_memoize: {
                const auto index = static_cast<uint32_t>(memo_.size());
                memo_[index] = top();
                break;
            }
            case op_binget: recall(reader_.read<uint8_t>("the pickle")); break;
            case op_long_binget: recall(reader_.read<uint32_t>("the pickle")); break;
            case op_global: {
                const std::string_view module = line();
                push_global(module, line());
                break;
            }
            case op_stack_global: {
                const Value name = value(pop()), module = value(pop());
                if (name.kind != Kind::text || module.kind != Kind::text) refuse("a name is no text");
                push_global(module.text, name.text);
                break;
            }
            case op_binpersid: load_storage(); break;
            case op_reduce: reduce(); break;
            case op_build: {
                // An OrderedDict's own attributes: _metadata, which a state dict carries and a model does not need.
                pop();
                if (value(top()).kind != Kind::dict) refuse("it sets the state of an object other than a dict");
                break;
            }
            default: refuse("opcode ", static_cast<int>(code), " at byte ", reader_.position() - 1, " does not occur in one");
        }
        return true;
    }

    int64_t long_integer(uint8_t bytes) {  // two's complement, little-endian
        if (bytes > 8) refuse("an integer has more than 64 bits");
        const Bytes digits = reader_.take(bytes, "the pickle");
        uint64_t bits = 0;
        for (size_t i = 0; i < digits.size(); ++i) bits |= static_cast<uint64_t>(digits[i]) << (8 * i);
        if (bytes != 0 && bytes < 8 && (bits >> (8 * bytes - 1)) != 0) bits |= ~uint64_t{0} << (8 * bytes);
        return static_cast<int64_t>(bits);
    }

    std::string_view line() {
        const size_t first = reader_.position();
        while (reader_.read<char>("a name in the pickle") != '\n') {}
        const size_t length = reader_.position() - 1 - first;
        return {reinterpret_cast<const char*>(reader_.bytes().data()) + first, length};
    }

    void recall(uint32_t index) {
        const auto place = memo_.find(index);
        if (place == memo_.end()) refuse("it recalls a value that it never kept");
        stack_.push_back(place->second);
    }

    void append(const std::vector<Ref>& items, Kind kind) {
        Value& target = value(top());
        if (target.kind != kind || (kind == Kind::dict && items.size() % 2 != 0)) refuse("it adds items to something that takes none");
        target.items.insert(target.items.end(), items.begin(), items.end());
    }

    void push_global(std::string_view module, std::string_view name) {
        constexpr std::string_view storage = "Storage";
        const bool is_storage = module == "torch" && name.size() > storage.size() && name.substr(name.size() - storage.size()) == storage;
        const bool is_known = (module == "torch._utils" && (name == "_rebuild_tensor_v2" || name == "_rebuild_parameter")) ||
                              (module == "collections" && name == "OrderedDict");
        if (!is_storage && !is_known) {
            std::string full(module);
            full += '.';
            full += name;
            fail(MAMBA_BAD_FORMAT, "the pickle in ", quote(reader_.file()), " names ", quote(full),
                 ", which no state dict needs. Nothing was executed. Use a safetensors or GGUF file of this model from a source that you trust");
        }
        Value made;
        made.kind = Kind::global;
        made.module = module;
        made.text = name;
        push(std::move(made));
    }

    // ('storage', torch.FloatStorage, key, location, count)
    void load_storage() {
        const Ref id = pop();
        if (value(id).kind != Kind::tuple || item(id, 0, Kind::text, "a storage").text != "storage") refuse("a persistent id is no storage");
        const Value& type = item(id, 1, Kind::global, "the type of a storage");
        if (type.module != "torch") refuse("a storage has the type ", quote(type.text));
        item(id, 2, Kind::text, "the key of a storage");
        item(id, 4, Kind::integer, "the size of a storage");
        const std::vector<Ref>& items = value(id).items;
        push_items(Kind::storage, {items[1], items[2], items[4]});
    }

    void reduce() {
        const Ref arguments = pop(), callee = pop();
        const Value& function = value(callee);
        if (value(arguments).kind != Kind::tuple || function.kind != Kind::global) refuse("it calls something that is no function");
        if (function.text == "OrderedDict") {
            if (!value(arguments).items.empty()) refuse("an OrderedDict is built from arguments");
            push(Kind::dict);
        } else if (function.text == "_rebuild_tensor_v2") {  // storage, offset, shape, strides, requires_grad, hooks
            item(arguments, 0, Kind::storage, "the storage of a tensor");
            item(arguments, 1, Kind::integer, "the offset of a tensor");
            item(arguments, 2, Kind::tuple, "the shape of a tensor");
            item(arguments, 3, Kind::tuple, "the strides of a tensor");
            const std::vector<Ref>& items = value(arguments).items;
            push_items(Kind::tensor, {items[0], items[1], items[2], items[3]});
        } else if (function.text == "_rebuild_parameter") {  // data, requires_grad, hooks
            item(arguments, 0, Kind::tensor, "the data of a parameter");
            stack_.push_back(value(arguments).items[0]);
        } else {
            refuse("it calls ", quote(function.text));
        }
    }

    // -- the result

    std::vector<int64_t> integers(const Value& tuple) {
        if (tuple.items.size() > most_tensor_dimensions) refuse("a tensor has ", tuple.items.size(), " dimensions");
        std::vector<int64_t> numbers;
        for (const Ref ref : tuple.items) {
            if (value(ref).kind != Kind::integer) refuse("a shape or stride is no integer");
            numbers.push_back(value(ref).integer);
        }
        return numbers;
    }

    PickledTensor tensor(Ref key, Ref entry) {
        if (value(key).kind != Kind::text) refuse("a key is no text");
        const std::string_view name = value(key).text;
        if (value(entry).kind != Kind::tensor) refuse("the entry ", quote(name), " is no tensor");
        const std::vector<Ref>& parts = value(entry).items;
        const std::vector<Ref>& storage = value(parts[0]).items;
        PickledTensor tensor;
        tensor.name = name;
        tensor.storage_class = value(storage[0]).text;
        tensor.storage_key = value(storage[1]).text;
        tensor.storage_count = value(storage[2]).integer;
        tensor.offset = value(parts[1]).integer;
        tensor.shape = integers(value(parts[2]));
        tensor.strides = integers(value(parts[3]));
        return tensor;
    }

    ByteReader reader_;
    std::vector<Value> values_;
    std::vector<Ref> stack_;
    std::vector<size_t> marks_;
    std::unordered_map<uint32_t, Ref> memo_;
};

}  // namespace

std::vector<PickledTensor> read_state_dict(const std::string& file, Bytes pickle) {
    if (pickle.size() > longest_pickle) {
        fail(MAMBA_BAD_FORMAT, "the pickle in ", quote(file), " has ", pickle.size(), " bytes; more than ", longest_pickle, " are not read");
    }
    return Interpreter(file, pickle).run();
}

}  // namespace mamba
