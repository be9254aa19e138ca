using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace MambaConnector;

/// <summary>Reads one GGUF metadata value. Every length is checked against the bytes that are there before memory is asked for.</summary>
internal ref struct MetadataReader(ReadOnlySpan<byte> raw, string key)
{
    private ReadOnlySpan<byte> _rest = raw;

    /// <summary>Reads the type word and the value behind it; nothing may follow.</summary>
    public object ReadWhole()
    {
        var type = (MetadataType)BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        var value = type == MetadataType.Array ? ReadArray() : ReadScalar(type);
        return _rest.IsEmpty ? value : throw Bad($"{_rest.Length} bytes follow the value");
    }

    private object ReadScalar(MetadataType type) => type switch
    {
        MetadataType.UInt8 => Take(1)[0],
        MetadataType.Int8 => (sbyte)Take(1)[0],
        MetadataType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        MetadataType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        MetadataType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(Take(4)),
        MetadataType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        MetadataType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(Take(8)),
        MetadataType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        MetadataType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        MetadataType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        MetadataType.Boolean => Take(1)[0] != 0,
        MetadataType.String => ReadString(),
        _ => throw Bad($"its type {(uint)type} is none that GGUF has"),
    };

    private Array ReadArray()
    {
        var type = (MetadataType)BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        var count = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
        return type switch
        {
            MetadataType.UInt8 => ReadNumbers<byte>(count),
            MetadataType.Int8 => ReadNumbers<sbyte>(count),
            MetadataType.UInt16 => ReadNumbers<ushort>(count),
            MetadataType.Int16 => ReadNumbers<short>(count),
            MetadataType.UInt32 => ReadNumbers<uint>(count),
            MetadataType.Int32 => ReadNumbers<int>(count),
            MetadataType.UInt64 => ReadNumbers<ulong>(count),
            MetadataType.Int64 => ReadNumbers<long>(count),
            MetadataType.Float32 => ReadNumbers<float>(count),
            MetadataType.Float64 => ReadNumbers<double>(count),
            MetadataType.Boolean => Array.ConvertAll(ReadNumbers<byte>(count), value => value != 0),
            MetadataType.String => ReadStrings(count),
            MetadataType.Array => throw Bad("it is an array of arrays, which no key that is known uses"),
            _ => throw Bad($"its element type {(uint)type} is none that GGUF has"),
        };
    }

    private T[] ReadNumbers<T>(ulong count)
        where T : unmanaged
    {
        var size = (ulong)System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        if (count > (ulong)_rest.Length / size)
        {
            throw Bad($"{count} elements are announced, {_rest.Length} bytes are left");
        }

        // Every platform that .NET 10 runs on and the native library is built for is little-endian, as the file is.
        var values = new T[(int)count];
        Take((int)(count * size)).CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private string[] ReadStrings(ulong count)
    {
        if (count > (ulong)_rest.Length / 8)
        {
            throw Bad($"{count} texts are announced, {_rest.Length} bytes are left");
        }

        var values = new string[(int)count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ReadString();
        }

        return values;
    }

    private string ReadString()
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
        return length <= (ulong)_rest.Length
            ? Encoding.UTF8.GetString(Take((int)length))
            : throw Bad($"a text of {length} bytes is announced, {_rest.Length} are left");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            throw Bad($"{count} bytes are needed, {_rest.Length} are left");
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private readonly InvalidDataException Bad(string what) =>
        new($"Metadata '{key}' is damaged: {what}. Fetch or convert the model file again.");
}
