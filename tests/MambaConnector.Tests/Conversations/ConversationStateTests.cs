using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MambaConnector.Tests.Conversations;

/// <summary>The bytes kept for one response.</summary>
public sealed class ConversationStateTests
{
    private static readonly byte[] Native = [.. Enumerable.Range(0, 1000).Select(value => (byte)(value * 7))];

    private static readonly ConversationHeader Header = new(
        "chatml",
        ConversationHeader.HashOf("Be brief."),
        ConversationHeader.HashOf("[]"),
        12345678901,
        new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2)),
        [new OpenToolCall("call_1", "weather"), new OpenToolCall("call_2", "\"time\" \u00e4\ud83d\ude00")]);

    [Fact]
    public void WhatWasWrittenIsRead()
    {
        (ConversationHeader header, ReadOnlyMemory<byte> state) = ConversationState.Read(Write(Header, Native));
        Assert.Equal(Header.OpenToolCalls, header.OpenToolCalls);
        Assert.Equal(Header, header with { OpenToolCalls = Header.OpenToolCalls });
        Assert.Equal(Native, state.ToArray());
    }

    [Fact]
    public void InstructionsMayBeAbsentAndNoCallsOpen()
    {
        ConversationHeader plain = Header with { InstructionsHash = null, OpenToolCalls = [] };
        ConversationHeader header = ConversationState.Read(Write(plain, [])).Header;
        Assert.Null(header.InstructionsHash);
        Assert.Empty(header.OpenToolCalls);
    }

    [Fact]
    public void InstructionsAreNotAmongTheBytes()
    {
        string hash = ConversationHeader.HashOf("Be brief.");
        string bytes = Encoding.Latin1.GetString(Write(Header, Native));
        Assert.Contains(hash, bytes);
        Assert.DoesNotContain("Be brief.", bytes);
    }

    [Fact]
    public void HashOfIsSha256OfUtf8() => Assert.Equal(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ConversationHeader.HashOf("abc"));

    [Fact]
    public void AnyChangedByteBeforeTheStateIsDamage()
    {
        byte[] bytes = Write(Header, Native);
        for (int index = 0; index < bytes.Length - Native.Length; index++)
        {
            byte[] changed = [.. bytes];
            changed[index] ^= 0x10;
            Assert.Throws<MambaFormatException>(() => ConversationState.Read(changed));
        }
    }

    [Fact]
    public void AnyTruncationOrExtensionIsDamage()
    {
        byte[] bytes = Write(Header, Native);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<MambaFormatException>(() => ConversationState.Read(bytes.AsMemory(0, length)));
        }

        Assert.Throws<MambaFormatException>(() => ConversationState.Read((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void ALaterVersionIsNamed()
    {
        byte[] bytes = Write(Header, Native);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 7);
        MambaFormatException exception = Assert.Throws<MambaFormatException>(() => ConversationState.Read(bytes));
        Assert.Equal(MambaErrorCode.Unsupported, exception.ErrorCode);
        Assert.Contains("version 7", exception.Message);
        Assert.Contains("version 1", exception.Message);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("""{"template":"","instructionsHash":null,"toolsHash":"","tokenCount":1,"createdAt":"2026-01-02","openToolCalls":[null]}""")]
    [InlineData("""{"template":null,"instructionsHash":null,"toolsHash":"","tokenCount":1,"createdAt":"2026-01-01","openToolCalls":[]}""")]
    public void AHeaderWithAFittingChecksumIsCheckedAllTheSame(string json)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] start = [.. "MAMBCONV"u8, 1, 0, 0, 0, (byte)text.Length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. text];
        byte[] bytes = [.. start, .. SHA256.HashData(start)];
        Assert.Equal(MambaErrorCode.BadFormat, Assert.Throws<MambaFormatException>(() => ConversationState.Read(bytes)).ErrorCode);
    }

    private static byte[] Write(ConversationHeader header, byte[] state)
    {
        byte[] bytes = ConversationState.Write(header, state.Length, out Span<byte> place);
        state.CopyTo(place);
        return bytes;
    }
}
