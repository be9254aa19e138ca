using MambaConnector.Native.Generated;
using Xunit;

namespace MambaConnector.Native.Tests.Interop;

/// <summary>Each status becomes the exception that a caller would catch for it.</summary>
public class NativeStatusTests
{
    [Theory]
    [InlineData(MambaResult.MAMBA_INVALID_ARGUMENT, typeof(MambaException))]
    [InlineData(MambaResult.MAMBA_NOT_FOUND, typeof(MambaException))]
    [InlineData(MambaResult.MAMBA_IO, typeof(IOException))]
    [InlineData(MambaResult.MAMBA_BAD_FORMAT, typeof(MambaFormatException))]
    [InlineData(MambaResult.MAMBA_UNSUPPORTED, typeof(MambaFormatException))]
    [InlineData(MambaResult.MAMBA_OUT_OF_MEMORY, typeof(MambaOutOfMemoryException))]
    [InlineData(MambaResult.MAMBA_DEVICE, typeof(MambaDeviceException))]
    [InlineData(MambaResult.MAMBA_CANCELLED, typeof(OperationCanceledException))]
    [InlineData(MambaResult.MAMBA_MISMATCH, typeof(MambaStateMismatchException))]
    [InlineData(MambaResult.MAMBA_NOT_ROLLBACKABLE, typeof(MambaRollbackException))]
    [InlineData(MambaResult.MAMBA_BUFFER_TOO_SMALL, typeof(MambaException))]
    [InlineData(MambaResult.MAMBA_INTERNAL, typeof(MambaException))]
    public void StatusBecomesItsException(MambaResult result, Type expected)
    {
        Exception exception = NativeStatus.ToException((int)result, "a sentence", null, default);
        Assert.IsType(expected, exception);
        Assert.Equal("a sentence", exception.Message);
        Assert.Equal((int)result, exception is MambaException mamba ? (int)mamba.ErrorCode : (int)result);
    }

    [Fact]
    public void AMissingFileIsNamed() =>
        Assert.Equal("/no/model", Assert.IsType<FileNotFoundException>(
            NativeStatus.ToException((int)MambaResult.MAMBA_NOT_FOUND, "a sentence", "/no/model", default)).FileName);

    [Fact]
    public void ACancelledCallCarriesItsToken()
    {
        using CancellationTokenSource source = new();
        var exception = Assert.IsType<OperationCanceledException>(
            NativeStatus.ToException((int)MambaResult.MAMBA_CANCELLED, "a sentence", null, source.Token));
        Assert.Equal(source.Token, exception.CancellationToken);
    }

    [Fact]
    public void EveryResultHasItsErrorCode() =>
        Assert.Equal(
            Enum.GetValues<MambaResult>().Where(result => result != MambaResult.MAMBA_OK).Select(result => (int)result).Order(),
            Enum.GetValues<MambaErrorCode>().Select(code => (int)code).Order());

    [Fact]
    public void ReadsTheMessageThatTheLibraryWrote() =>
        Assert.Equal("größer", Assert.Throws<MambaException>(() => Fail("größer"u8)).Message);

    private static unsafe void Fail(ReadOnlySpan<byte> message)
    {
        MambaStatus.__Internal status = NativeStatus.Create();
        status.code = (int)MambaResult.MAMBA_INTERNAL;
        status.message_length = message.Length;
        message.CopyTo(new Span<byte>(status.message, 1012));
        NativeStatus.Check(status.code, status);
    }
}
