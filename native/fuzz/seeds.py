#!/usr/bin/env python3
"""Writes the seeds of the corpus: small files of every kind that the readers know, and some damaged ones.

The rest of the corpus are inputs that libFuzzer found from these (<reader>_fuzz -merge=1). Usage: seeds.py DIRECTORY
"""
import io
import json
import os
import struct
import sys
import zipfile

out = sys.argv[1]


def save(reader, name, data):
    folder = os.path.join(out, reader)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def ramp(count):
    return [0.01 * (i % 7) - 0.02 for i in range(count)]


def f32(values):
    return struct.pack("<%df" % len(values), *values)


def f16(values):
    return struct.pack("<%de" % len(values), *values)


def bf16(values):
    return b"".join(struct.pack("<f", v)[2:] for v in values)


# -- GGUF

def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def record(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def u32(key, value):
    return record(key, 4, struct.pack("<I", value))


def flag(key, value):
    return record(key, 7, struct.pack("<B", value))


def real(key, value):
    return record(key, 6, struct.pack("<f", value))


def gguf(records, tensors, version=3, alignment=32):
    infos, data = b"", b""
    for name, dims, kind, content in tensors:
        data += b"\0" * (-len(data) % alignment)
        infos += text(name) + struct.pack("<I", len(dims)) + struct.pack("<%dQ" % len(dims), *dims) + struct.pack("<IQ", kind, len(data))
        data += content
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(records)) + b"".join(records) + infos
    return head + b"\0" * (-len(head) % alignment) + data


def keys(arch, rank, width=4, extra=(), inner=None):
    return [record("general.architecture", 8, text(arch)), u32(arch + ".block_count", 1), u32(arch + ".embedding_length", width),
            u32(arch + ".ssm.conv_kernel", 4), u32(arch + ".ssm.inner_size", inner or 2 * width), u32(arch + ".ssm.state_size", 2),
            u32(arch + ".ssm.time_step_rank", rank), real(arch + ".attention.layer_norm_rms_epsilon", 1e-5), *extra]


def tensor(name, dims, kind=0, values=None):
    count = 1
    for dim in dims:
        count *= dim
    values = values or ramp(count)
    if kind == 8:
        content = b"".join(struct.pack("<e32b", 0.01, *range(-16, 16)) for _ in range(count // 32))
    elif kind == 12:
        content = b"".join(struct.pack("<2e12B", 0.01, 0.02, *range(77, 89)) + bytes(range(128)) for _ in range(count // 256))
    elif kind == 14:
        content = b"".join(bytes(range(192)) + struct.pack("<16be", *range(-8, 8), 0.01) for _ in range(count // 256))
    else:
        content = {0: f32, 1: f16, 30: bf16}[kind](values)
    return (name, dims, kind, content)


mamba2 = [tensor("token_embd.weight", [4, 3], 1), tensor("output_norm.weight", [4]), tensor("blk.0.attn_norm.weight", [4]),
          tensor("blk.0.ssm_in.weight", [4, 22], 30), tensor("blk.0.ssm_conv1d.weight", [4, 12]), tensor("blk.0.ssm_conv1d.bias", [12]),
          tensor("blk.0.ssm_dt.bias", [2]), tensor("blk.0.ssm_a", [1, 2], 0, [-1.0, -2.0]), tensor("blk.0.ssm_d", [1, 2]),
          tensor("blk.0.ssm_norm.weight", [8, 1]), tensor("blk.0.ssm_out.weight", [8, 4])]
save("gguf", "mamba2", gguf(keys("mamba2", 2, extra=[u32("mamba2.ssm.group_count", 1), u32("mamba2.vocab_size", 3)]), mamba2))
save("gguf", "mamba2-version-2", gguf(keys("mamba2", 2), mamba2, version=2))
save("gguf", "mamba2-unaligned", gguf(keys("mamba2", 2, extra=[u32("general.alignment", 1)]), [("blk.0.unused", [1], 0, b"1234x")] + mamba2, alignment=1))
save("gguf", "mamba2-untied", gguf(keys("mamba2", 2), mamba2 + [tensor("output.weight", [4, 3])]))
own = [flag("mamba_connector.use_bias", 1), flag("mamba_connector.gated_norm", 0), flag("mamba_connector.norm_before_gate", 1),
       real("mamba_connector.time_step_min", 0.001), real("mamba_connector.time_step_max", 0.1), u32("mamba_connector.training_length", 2048),
       u32("mamba_connector.vocab_size", 2)]
biases = [tensor("blk.0.ssm_in.bias", [22]), tensor("blk.0.ssm_out.bias", [4])]
save("gguf", "mamba2-own-keys", gguf(keys("mamba2", 2, extra=own), [t for t in mamba2 if t[0] != "blk.0.ssm_norm.weight"] + biases))
mamba1 = [tensor("token_embd.weight", [32, 3], 8), tensor("output_norm.weight", [32]), tensor("blk.0.attn_norm.weight", [32]),
          tensor("blk.0.ssm_in.weight", [32, 128], 8), tensor("blk.0.ssm_conv1d.weight", [4, 64]), tensor("blk.0.ssm_conv1d.bias", [64]),
          tensor("blk.0.ssm_x.weight", [64, 5], 8), tensor("blk.0.ssm_dt.weight", [1, 64], 1), tensor("blk.0.ssm_dt.bias", [64]),
          tensor("blk.0.ssm_a", [2, 64], 0, [-1.0] * 128), tensor("blk.0.ssm_d", [64]), tensor("blk.0.ssm_out.weight", [64, 32], 8)]
save("gguf", "mamba1", gguf(keys("mamba", 1, 32), mamba1))
save("gguf", "falcon", gguf(keys("mamba", 1, 32, [flag("mamba.ssm.dt_b_c_rms", 1)]), mamba1 + [tensor("blk.0.ssm_b_norm.weight", [2])]))
arrays = [record("general.architecture", 8, text("llama")), record("tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc")),
          record("scores", 9, struct.pack("<IQ2f", 6, 2, 0.5, 1.5)), record("a", 0, b"1"), record("b", 2, b"12"), record("c", 10, b"12345678"),
          record("d", 12, b"12345678"), record("e", 1, b"1"), record("f", 3, b"12"), record("g", 5, b"1234"), record("h", 11, b"12345678")]
save("gguf", "vocabulary", gguf(arrays, []))
save("gguf", "array-of-arrays", gguf([record("x", 9, struct.pack("<IQ", 9, 1))], []))
save("gguf", "hybrid", gguf([record("general.architecture", 8, text("jamba"))], [tensor("x", [1])]))
save("gguf", "other", gguf([record("general.architecture", 8, text("llama"))], [tensor("x", [1])]))
for name, kind in (("q4_k", 12), ("q6_k", 14)):
    wide = [tensor("token_embd.weight", [256, 3], kind), tensor("output_norm.weight", [256], kind), tensor("blk.0.attn_norm.weight", [256], kind),
            tensor("blk.0.ssm_in.weight", [256, 22], kind), tensor("blk.0.ssm_out.weight", [8, 256], 1)]
    names = {t[0] for t in wide}
    save("gguf", name, gguf(keys("mamba2", 2, 256, inner=8), wide + [t for t in mamba2 if t[0] not in names]))
save("gguf", "big-endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
for kind in range(13):
    width = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 0, 9: 0, 10: 8, 11: 8, 12: 8}[kind]
    value = text("32") if kind == 8 else struct.pack("<IQ", 0, 0) if kind == 9 else (32).to_bytes(width, "little")
    save("gguf", "alignment-of-type-%d" % kind, gguf([record("general.alignment", kind, value)], []))
overlap = gguf(keys("mamba2", 2), mamba2)
save("gguf", "overlap", overlap.replace(text("blk.0.ssm_d") + struct.pack("<IQQIQ", 2, 1, 2, 0, 0), b""))

# -- safetensors and PyTorch: the model of tiny_config.h

layer = "backbone.layers.0."
entries = [("backbone.embeddings.weight", [3, 4]), ("backbone.norm_f.weight", [4]), (layer + "norm.weight", [4]),
           (layer + "mixer.in_proj.weight", [22, 4]), (layer + "mixer.conv1d.weight", [12, 1, 4]), (layer + "mixer.conv1d.bias", [12]),
           (layer + "mixer.dt_bias", [2]), (layer + "mixer.A_log", [2]), (layer + "mixer.D", [2]), (layer + "mixer.norm.weight", [8]),
           (layer + "mixer.out_proj.weight", [4, 8])]


def product(shape):
    count = 1
    for dim in shape:
        count *= dim
    return count


def safetensors(tensors, pad=0, change=lambda header: header):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, shape, kind in tensors:
        content = {"F32": f32, "F16": f16, "BF16": bf16}[kind](ramp(product(shape)))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    head = json.dumps(change(header)).encode()
    head += b" " * (-len(head) % 8 + pad)
    return struct.pack("<Q", len(head)) + head + data


kinds = ["F32", "BF16", "F16"]
mixed = [(name, shape, kinds[i % 3]) for i, (name, shape) in enumerate(entries)]
save("safetensors", "mixed", safetensors(mixed))
save("safetensors", "unaligned", safetensors(mixed, pad=1))
save("safetensors", "tied-copy", safetensors(mixed + [("lm_head.weight", [3, 4], "F32")]))
save("safetensors", "bare", safetensors([(name.replace("backbone.", ""), shape, kind) for name, shape, kind in mixed]))
save("safetensors", "codestral", safetensors([("model." + name, shape, kind) for name, shape, kind in mixed] + [("model.lm_head.weight", [3, 4], "F32")]))
save("safetensors", "extra", safetensors(mixed + [("extra", [1], "F32")]))
save("safetensors", "missing", safetensors(mixed[:-1]))


def changed(name, **values):
    def change(header):
        header[name] = dict(header[name], **values)
        return header
    return safetensors(mixed, change=change)


save("safetensors", "unknown-type", changed(layer + "mixer.D", dtype="Q2"))
save("safetensors", "integers", changed(layer + "mixer.D", dtype="I16"))
save("safetensors", "overlap", changed(layer + "mixer.D", data_offsets=[0, 4]))
save("safetensors", "outside", changed(layer + "mixer.D", data_offsets=[1 << 40, (1 << 40) + 4]))
save("safetensors", "reversed", changed(layer + "mixer.D", data_offsets=[4, 0]))
save("safetensors", "shape", changed(layer + "mixer.D", shape=[1 << 62, 1 << 62]))
save("safetensors", "negative", changed(layer + "mixer.D", shape=[-2]))
save("safetensors", "no-shape", changed(layer + "mixer.D", shape=None))
save("safetensors", "array", struct.pack("<Q", 2) + b"[]")
save("safetensors", "twice", struct.pack("<Q", 15) + b'{"a":1,"a":[2]}')


class Pickle:
    def __init__(self):
        self.data = b"\x80\x02"

    def op(self, code):
        self.data += code
        return self

    def text(self, value):
        return self.op(b"X" + struct.pack("<I", len(value)) + value.encode())

    def integer(self, value):
        return self.op(b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value))

    def numbers(self, values):
        self.op(b"(")
        for value in values:
            self.integer(value)
        return self.op(b"t")

    def tensor(self, kind, key, count, offset, shape, strides):
        self.op(b"ctorch._utils\n_rebuild_tensor_v2\n((").text("storage").op(b"ctorch\n%s\n" % kind).text(key).text("cpu").integer(count).op(b"tQ")
        return self.integer(offset).numbers(shape).numbers(strides).op(b"\x89ccollections\nOrderedDict\n)RtR")


def archive(pickle, storages, folder="a/"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        def add(name, content):
            file.writestr(zipfile.ZipInfo(folder + name), content)
        add("data.pkl", pickle)
        add("byteorder", "little")
        for key, content in storages.items():
            add("data/" + key, content)
    return buffer.getvalue()


def checkpoint(strided):
    pickle, storages = Pickle().op(b"ccollections\nOrderedDict\n)Rq\0("), {}
    for i, (name, shape) in enumerate(entries):
        kind, pack = [(b"FloatStorage", f32), (b"HalfStorage", f16), (b"BFloat16Storage", bf16)][i % 3]
        strides = [1] * len(shape)
        for d in range(len(shape) - 1):
            if strided:
                strides[d + 1] = strides[d] * shape[d]
            else:
                strides[len(shape) - 2 - d] = strides[len(shape) - 1 - d] * shape[len(shape) - 1 - d]
        pickle.text(name.replace("embeddings", "embedding")).tensor(kind, str(i), product(shape), 0, shape, strides)
        storages[str(i)] = pack(ramp(product(shape)))
    pickle.text("lm_head.weight").op(b"ctorch._utils\n_rebuild_parameter\n(").tensor(b"FloatStorage", "0", 12, 0, [3, 4], [4, 1]).op(b"\x88)tR")
    pickle.op(b"u}").text("_metadata").op(b"}sb.")
    return pickle.data, storages


save("pytorch", "plain", archive(*checkpoint(False)))
save("pytorch", "strided", archive(*checkpoint(True)))
small = {"0": f32(ramp(4))}
good = Pickle().op(b"}").text("w").tensor(b"FloatStorage", "0", 4, 0, [2, 2], [2, 1]).op(b"s.").data
save("pytorch", "one-tensor", archive(good, small))
save("pytorch", "system", archive(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", small))
save("pytorch", "stack-global", archive(b"\x80\x04\x95\0\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93)R.", small))
save("pytorch", "opcodes", archive(b"\x80\x02](K\1M\1\1J\1\0\0\0\x8a\1\xff\x8a\x08\1\2\3\4\5\6\7\x08NG12345678\x88\x89e}a)\x85\x86K\1\x87\x940h\0r\1\0\0\0j\1\0\0\0.", small))
save("pytorch", "memo", archive(b"\x80\x02}q\7h\7h\7.", small))
save("pytorch", "outside", archive(good.replace(b"K\4", b"K\x40"), small))
save("pytorch", "view-outside", archive(good.replace(b"(K\2K\2t", b"(K\2K\x09t"), small))
save("pytorch", "quantised", archive(good.replace(b"FloatStorage", b"QInt8Storage"), small))
save("pytorch", "double", archive(good.replace(b"FloatStorage", b"ShortStorage"), small))
save("pytorch", "no-storage", archive(good, {}))
save("pytorch", "not-a-tensor", archive(Pickle().op(b"}").text("w").op(b"K\1s.").data, small))
save("pytorch", "no-pickle", archive(good, small).replace(b"data.pkl", b"data.pkx"))
save("pytorch", "compressed", archive(good, small).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00"))
save("pytorch", "encrypted", archive(good, small).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"))
save("pytorch", "legacy", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")


def zip64():
    content = archive(good, small)
    end = content.rindex(b"PK\5\6")
    count, size, offset = struct.unpack("<HII", content[end + 10:end + 20])
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
    return content[:end] + record + locator + content[end:]


save("pytorch", "zip64", zip64())
name = b"a/data.pkl"
extra = struct.pack("<HHQQQ", 1, 24, len(good), len(good), 0)
local = b"PK\3\4" + struct.pack("<5H3I2H", 20, 0, 0, 0, 0, 0, len(good), len(good), len(name), 0) + name + good
central = b"PK\1\2" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 0xffffffff, 0xffffffff, len(name), len(extra), 0, 0, 0, 0, 0xffffffff) + name + extra
save("pytorch", "zip64-extra", local + central + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local), 0))

# -- config.json

hf = {"model_type": "mamba2", "num_hidden_layers": 2, "hidden_size": 64, "vocab_size": 100, "num_heads": 8, "head_dim": 16, "n_groups": 2,
      "state_size": 16, "conv_kernel": 4, "expand": 2, "layer_norm_epsilon": 1e-5, "use_bias": False, "use_conv_bias": True,
      "tie_word_embeddings": True, "rms_norm": True, "norm_before_gate": False, "hidden_act": "silu", "architectures": ["Mamba2ForCausalLM"],
      "mamba_connector": {"training_length": 8192}, "time_step_rank": None}


def config(name, **values):
    save("config", name, json.dumps(dict(hf, **values)).encode())


config("mamba2", time_step_limit=[0.0, float("inf")])
config("mamba2-float", time_step_limit=[0.0, {"__float__": "Infinity"}])
config("mamba2-float-negative", time_step_limit=[{"__float__": "-Infinity"}, {"__float__": "NaN"}])
config("mamba2-limit", time_step_limit=["a", 3])
config("mamba1", model_type="mamba", time_step_rank="auto", intermediate_size=128)
config("mamba1-rank", model_type="mamba", time_step_rank=5)
config("falcon", model_type="falcon_mamba", mixer_rms_eps=1e-6)
config("hybrid", model_type="granitemoehybrid")
config("other", model_type="llama")
config("activation", hidden_act="gelu")
config("wrong-kind", hidden_size="64")
config("wrong-flag", use_bias=3)
config("wrong-text", model_type=3)
config("wide", hidden_size=1 << 60)
config("float-size", hidden_size=64.0)
config("layers", num_hidden_layers=1 << 40)
config("heads", num_heads=7)
config("epsilon", layer_norm_epsilon=-1)
config("empty-vocabulary", vocab_size=0)
ssm = {"d_model": 64, "n_layer": 2, "vocab_size": 100, "ssm_cfg": {"layer": "Mamba2", "headdim": 16, "dt_limit": [0.0, 1.0]}, "rms_norm": True, "attn_layer_idx": []}


def original(name, **values):
    save("config", name, json.dumps(dict(ssm, **values)).encode())


original("original-mamba2")
original("original-mamba1", ssm_cfg={})
original("original-bare", ssm_cfg=None)
original("original-mamba3", ssm_cfg={"layer": "Mamba3"})
original("original-attention", attn_layer_idx=[1])
original("original-mlp", d_intermediate=4)
original("original-layer-norm", rms_norm=False)
original("original-skip", ssm_cfg={"layer": "Mamba2", "D_has_hdim": True})
original("original-d-ssm", ssm_cfg={"layer": "Mamba2", "d_ssm": 3})
save("config", "escapes", b'\xef\xbb\xbf{"a": "\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00", "b": [1, -2.5e3, true, false, null, NaN, -Infinity]}\n')
save("config", "surrogate", b'"\\ud83d\\u0041"')
save("config", "deep", b"[" * 100)
save("config", "no-object", b"[]")
save("config", "unnamed", b"{}")
for i, wrong in enumerate([b"", b"{", b'{"a"', b'{"a":1,', b"[1,", b'"a', b'"\\x"', b'"\\u12', b'"\\udc00"', b'"\n"', b"1e999", b"-", b"1 2", b"[1 2]", b"{a:1}", b'"\\uzzzz"', b'"\\']):
    save("config", "wrong-%d" % i, wrong)

# -- Saved sessions, of a model with 12 floats of state, 3 of an entry of the ring and 4 of hidden; the target puts checksums right


def session(name, version=2, policy=0, model=(1, 2), count=9, floats=12, held=12, sections=b""):
    head = b"MAMBASES" + struct.pack("<Ii2QqQ2Q", version, policy, *model, count, 77, floats, 4)
    save("session", name, head + f32(list(range(held + 4))) + sections + b"\0" * 8)


session("good", version=1)
session("nothing-pending")
session("pending", floats=18, held=18)
session("more-pending-than-can-be", count=17, floats=18, held=18)
session("part-of-an-entry", floats=14, held=14)
session("pending-in-the-first-version", version=1, floats=18, held=18)
session("next-version", version=4)


# Of a layer with two heads and 8 floats of SSM state.
def section(tag, data):
    return tag.ljust(8, b"\0") + struct.pack("<Q", len(data)) + data


def policy(name, kind, window=0, retention=0.5, insertion=0.5, scale=1, origin=0, values=(), states=0, sums=0):
    head = struct.pack("<q3fiq", window, retention, insertion, scale, len(values), origin)
    data = head + f32(values) + f32(ramp(states)) + struct.pack("<%dd" % sums, *range(sums))
    session("policy-" + name, version=3, policy=kind, count=192, sections=section(b"POLICY", data))


session("step-sums", version=3, sections=section(b"STEPSUMS", struct.pack("<q2d", 5, 1, 2)))
session("unknown-section", version=3, sections=section(b"OTHER", b"12"))
session("policy-unnamed", version=3, policy=3)
policy("restart-window", 1, window=64, origin=64, states=8)
policy("difference-window", 2, window=64, origin=64, states=16, sums=4)
policy("forget-more", 3)
policy("state-norm", 4, values=(1, 2))
policy("delta-scale", 5, values=(0.5,))
policy("decay-scale", 6, values=(2,))
policy("token-filter", 7, window=100, values=(0.1, 0.2))
policy("too-many-values", 4, values=(1, 2, 3))
policy("too-few-states", 1, window=64, origin=64, states=7)
policy("unknown", 8)
