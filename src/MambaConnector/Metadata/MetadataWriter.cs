using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace MambaConnector;

/// <summary>Packs GGUF key/value records: key length (8 bytes), key, type (4 bytes), value; little-endian.</summary>
internal sealed class MetadataWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>Whether GGUF has a type for this value.</summary>
    public static bool CanHold(object? value) => value switch
    {
        null => false,
        Array { Rank: 1 } array => TypeOf(array.GetType().GetElementType()!) is not null,
        _ => TypeOf(value.GetType()) is not null,
    };

    /// <summary>Adds one record.</summary>
    /// <exception cref="ArgumentException">The key is already there, or GGUF has no type for the value.</exception>
    public void Add(string key, object value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (!CanHold(value))
        {
            throw new ArgumentException($"GGUF cannot hold a value of type {value?.GetType().ToString() ?? "null"} (key '{key}').",
                nameof(value));
        }

        if (!_keys.Add(key))
        {
            throw new ArgumentException($"Metadata key '{key}' is written twice.", nameof(key));
        }

        WriteString(key);
        if (value is Array array)
        {
            var element = array.GetType().GetElementType()!;
            WriteUInt32((uint)MetadataType.Array);
            WriteUInt32((uint)TypeOf(element)!.Value);
            WriteUInt64((ulong)array.Length);
            WriteElements(array);
        }
        else
        {
            WriteUInt32((uint)TypeOf(value.GetType())!.Value);
            WriteScalar(value);
        }
    }

    /// <summary>The records so far, packed.</summary>
    public byte[] ToArray() => _buffer.WrittenSpan.ToArray();

    private static MetadataType? TypeOf(Type type) => type.IsEnum ? null : Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => MetadataType.UInt8,
        TypeCode.SByte => MetadataType.Int8,
        TypeCode.UInt16 => MetadataType.UInt16,
        TypeCode.Int16 => MetadataType.Int16,
        TypeCode.UInt32 => MetadataType.UInt32,
        TypeCode.Int32 => MetadataType.Int32,
        TypeCode.UInt64 => MetadataType.UInt64,
        TypeCode.Int64 => MetadataType.Int64,
        TypeCode.Single => MetadataType.Float32,
        TypeCode.Double => MetadataType.Float64,
        TypeCode.Boolean => MetadataType.Boolean,
        TypeCode.String => MetadataType.String,
        _ => null,
    };

    private void WriteElements(Array array)
    {
        if (array is string[] texts)
        {
            foreach (var text in texts)
            {
                WriteString(text);
            }

            return;
        }

        // Numbers and truth values lie in memory as GGUF wants them: little-endian, one byte for a bool.
        _buffer.Write(MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(array), Buffer.ByteLength(array)));
    }

    private void WriteScalar(object value)
    {
        if (value is string text)
        {
            WriteString(text);
            return;
        }

        Span<byte> bytes = stackalloc byte[8];
        var length = 8;
        switch (value)
        {
            case bool v: bytes[0] = v ? (byte)1 : (byte)0; length = 1; break;
            case byte v: bytes[0] = v; length = 1; break;
            case sbyte v: bytes[0] = (byte)v; length = 1; break;
            case ushort v: BinaryPrimitives.WriteUInt16LittleEndian(bytes, v); length = 2; break;
            case short v: BinaryPrimitives.WriteInt16LittleEndian(bytes, v); length = 2; break;
            case uint v: BinaryPrimitives.WriteUInt32LittleEndian(bytes, v); length = 4; break;
            case int v: BinaryPrimitives.WriteInt32LittleEndian(bytes, v); length = 4; break;
            case float v: BinaryPrimitives.WriteSingleLittleEndian(bytes, v); length = 4; break;
            case ulong v: BinaryPrimitives.WriteUInt64LittleEndian(bytes, v); break;
            case long v: BinaryPrimitives.WriteInt64LittleEndian(bytes, v); break;
            case double v: BinaryPrimitives.WriteDoubleLittleEndian(bytes, v); break;
        }

        _buffer.Write(bytes[..length]);
    }

    private void WriteString(string text)
    {
        WriteUInt64((ulong)Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, _buffer);
    }

    private void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.GetSpan(4), value);
        _buffer.Advance(4);
    }

    private void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
    }
}
