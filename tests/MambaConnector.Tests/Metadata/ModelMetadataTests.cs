using MambaConnector.Tests.Tokenization;

namespace MambaConnector.Tests.Metadata;

public sealed class ModelMetadataTests
{
    public static TheoryData<object> Values() =>
    [
        true, (byte)200, (sbyte)-5, (ushort)60000, (short)-30000, 4000000000u, -5, ulong.MaxValue, long.MinValue, 1.5f, -2.5e300, "",
            "text é 😀",
        new[] { true, false }, new byte[] { 1, 2 }, new sbyte[] { -1 }, new ushort[] { 65535 }, new short[] { -2, 3 }, new[] { 1u },
            new[] { -1, 2 }, Array.Empty<int>(),
        new[] { 1ul }, new[] { -1L }, new[] { 0.5f }, new[] { 0.25 }, new[] { "a", "", "ü" }, Array.Empty<string>(),
    ];

    [Theory]
    [MemberData(nameof(Values))]
    public void WhatIsWrittenIsRead(object value)
    {
        var record = Record("some.key", value);
        var position = 0;
        var read = Assert.Single(GgufFile.ReadRecords(record, ref position, 1));
        Assert.Equal(record.Length, position);
        Assert.Equal("some.key", read.Key);
        Assert.Equal(value, read.Value);
        Assert.Equal(value.GetType(), read.Value.GetType());
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void EveryTruncationIsAnErrorThatNamesTheKey(object value)
    {
        var raw = Record("k", value)[9..]; // behind the key's length and its one letter
        for (var length = 0; length < raw.Length; length++)
        {
            var error = Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue(raw.AsSpan(0, length), "general.thing"));
            Assert.Contains("general.thing", error.Message, StringComparison.Ordinal);
        }

        Assert.Contains("1 bytes follow", Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue([.. raw, 0])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8u, null)] // a text of 2^60 bytes
    [InlineData(9u, 0u)] // an array of 2^60 bytes
    [InlineData(9u, 8u)] // of texts
    [InlineData(9u, 11u)] // of 8 bytes each: the size in bytes does not fit 64 bits
    public void HugeCountsAreRefusedWithoutAskingForMemory(uint type, uint? element)
    {
        var raw = new List<byte>(BitConverter.GetBytes(type));
        if (element is { } elementType)
        {
            raw.AddRange(BitConverter.GetBytes(elementType));
        }

        raw.AddRange(BitConverter.GetBytes((1UL << 61) + 1));
        raw.AddRange(new byte[64]);
        Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue(raw.ToArray()));
    }

    [Fact]
    public void UnknownTypesAndNestedArraysAreRefused()
    {
        Assert.Contains("type 13", Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue([13, 0, 0, 0, 0])).Message,
            StringComparison.Ordinal);
        byte[] nested = [9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Contains("array of arrays", Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue(nested)).Message,
            StringComparison.Ordinal);
        nested[4] = 77;
        Assert.Contains("element type 77", Assert.Throws<InvalidDataException>(() => ModelMetadata.ParseValue(nested)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void RecordsAreLaidOutAsGgufWantsThem() => Assert.Equal(
        (byte[])[3, 0, 0, 0, 0, 0, 0, 0, (byte)'a', (byte)'.', (byte)'b', 9, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFF, 1, 0],
        Record("a.b", (short[])[-2, 1]));

    [Fact]
    public void TypedGettersConvertWhatFits()
    {
        var metadata = new ModelMetadata(
        [
            new("u8", (byte)7), new("u64", ulong.MaxValue), new("i16", (short)-3), new("f32", 1.5f), new("yes", true), new("text", "t"),
                new("texts", (string[])["a"]),
            new("u32s", (uint[])[1, 2]), new("big", (uint[])[uint.MaxValue]), new("i8s", (sbyte[])[-4]), new("bytes", (byte[])[255]),
                new("f64s", (double[])[0.5]),
        ]);
        Assert.Equal(12, metadata.Count);
        Assert.Equal(7, metadata.GetInt64("u8"));
        Assert.Equal(-3, metadata.GetInt64("i16"));
        Assert.Null(metadata.GetInt64("u64"));
        Assert.Null(metadata.GetInt64("f32"));
        Assert.Equal(1.5, metadata.GetDouble("f32"));
        Assert.Equal(7.0, metadata.GetDouble("u8"));
        Assert.Null(metadata.GetDouble("text"));
        Assert.True(metadata.GetBoolean("yes"));
        Assert.Null(metadata.GetBoolean("u8"));
        Assert.Equal("t", metadata.GetString("text"));
        Assert.Null(metadata.GetString("absent"));
        Assert.Equal(["a"], metadata.GetStrings("texts")!);
        Assert.Equal([1, 2], metadata.GetInt32s("u32s")!);
        Assert.Null(metadata.GetInt32s("big"));
        Assert.Equal([-4], metadata.GetInt32s("i8s")!);
        Assert.Equal([255], metadata.GetInt32s("bytes")!);
        Assert.Equal([0.5f], metadata.GetSingles("f64s")!);
        Assert.Contains("absent", Assert.Throws<KeyNotFoundException>(() => metadata["absent"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesThatGgufCannotHoldAreRefused()
    {
        Assert.Contains("System.DateTime",
            Assert.Throws<ArgumentException>(() => new ModelMetadata([new("when", DateTime.UnixEpoch)])).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => new ModelMetadata([new("k", 1), new("k", 2)])).Message,
            StringComparison.Ordinal);
        var writer = new MetadataWriter();
        writer.Add("k", 1);
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => writer.Add("k", 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => writer.Add("kind", DayOfWeek.Friday));
        Assert.Throws<ArgumentException>(() => writer.Add("grid", new int[2, 2]));
    }

    private static byte[] Record(string key, object value)
    {
        var writer = new MetadataWriter();
        writer.Add(key, value);
        return writer.ToArray();
    }
}
