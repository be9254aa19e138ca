namespace MambaConnector;

/// <summary>The type word in front of a GGUF metadata value (GGUF specification, <c>gguf_metadata_value_type</c>).</summary>
internal enum MetadataType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Boolean = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}
