using System.Runtime.InteropServices;
using System.Text;
using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>The weights and metadata of one checkpoint: immutable, usable from any thread.</summary>
internal sealed unsafe class ModelHandle : NativeHandle
{
    private ModelHandle(nint value)
        : base(value, null)
    {
    }

    /// <summary>Opens a directory or a GGUF file.</summary>
    public static ModelHandle Open(string path)
    {
        NativeRuntime.EnsureLoaded();
        MambaStatus.__Internal status = NativeStatus.Create();
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        fixed (byte* text = bytes)
        {
            nint model = c_api.__Internal.MambaModelOpen(text, (nuint)bytes.Length, (nint)(&status));
            return new ModelHandle(NativeStatus.CheckHandle(model, status, path));
        }
    }

    /// <summary>A model of random weights.</summary>
    public static ModelHandle CreateRandom(MambaShape.__Internal shape)
    {
        NativeRuntime.EnsureLoaded();
        MambaStatus.__Internal status = NativeStatus.Create();
        shape.struct_size = (uint)sizeof(MambaShape.__Internal);
        return new ModelHandle(NativeStatus.CheckHandle(c_api.__Internal.MambaModelRandom((nint)(&shape), (nint)(&status)), status));
    }

    public MambaModelInfo.__Internal GetInfo()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        MambaModelInfo.__Internal info = new() { struct_size = (uint)sizeof(MambaModelInfo.__Internal) };
        NativeStatus.Check(c_api.__Internal.MambaModelGetInfo(self.Value, (nint)(&info), (nint)(&status)), status);
        return info;
    }

    /// <summary>Every metadata key with its raw GGUF value (type word first, little-endian), in the file's order.</summary>
    public List<KeyValuePair<string, byte[]>> ReadMetadata()
    {
        using HandleLease self = Borrow();
        long count = c_api.__Internal.MambaModelMetadataCount(self.Value);
        List<KeyValuePair<string, byte[]>> values = [];
        for (long index = 0; index < count; index++)
        {
            byte[] key = ReadKey(self.Value, index);
            values.Add(new(Encoding.UTF8.GetString(key), ReadValue(self.Value, key)));
        }

        return values;
    }

    /// <summary>Writes a GGUF file atomically.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="weightType">A <c>mamba_weight_type</c>.</param>
    /// <param name="metadata">Packed GGUF key/value records that replace those of the same key.</param>
    /// <param name="progress">Told the bytes done and in all, on the calling thread.</param>
    /// <param name="cancellationToken">Looked at whenever progress is reported.</param>
    public void Write(string path, int weightType, ReadOnlySpan<byte> metadata, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        ProgressSink sink = new(progress, cancellationToken);
        GCHandle context = GCHandle.Alloc(sink);
        try
        {
            byte[] bytes = Encoding.UTF8.GetBytes(path);
            delegate* unmanaged[Cdecl]<long, long, ulong, int> callback = &ProgressSink.Report;
            fixed (byte* text = bytes)
            fixed (byte* records = metadata)
            {
                int result = c_api.__Internal.MambaModelWrite(
                    self.Value, text, (nuint)bytes.Length, weightType, records, (nuint)metadata.Length,
                    (nint)callback, (ulong)GCHandle.ToIntPtr(context), (nint)(&status));
                sink.ThrowIfFailed();
                NativeStatus.Check(result, status, cancellationToken);
            }
        }
        finally
        {
            context.Free();
        }
    }

    private protected override void Free(nint value) => c_api.__Internal.MambaModelFree(value);

    private static byte[] ReadKey(nint model, long index)
    {
        MambaStatus.__Internal status = NativeStatus.Create();
        nuint length = 0;
        CheckProbe(c_api.__Internal.MambaModelGetMetadataKey(model, index, null, 0, &length, (nint)(&status)), status);
        byte[] key = new byte[length];
        fixed (byte* text = key)
        {
            NativeStatus.Check(c_api.__Internal.MambaModelGetMetadataKey(model, index, text, length, &length, (nint)(&status)), status);
        }

        return key;
    }

    private static byte[] ReadValue(nint model, byte[] key)
    {
        MambaStatus.__Internal status = NativeStatus.Create();
        nuint length = 0;
        fixed (byte* name = key)
        {
            CheckProbe(c_api.__Internal.MambaModelGetMetadata(model, name, (nuint)key.Length, null, 0, &length, (nint)(&status)), status);
            byte[] value = new byte[length];
            fixed (byte* bytes = value)
            {
                NativeStatus.Check(
                    c_api.__Internal.MambaModelGetMetadata(model, name, (nuint)key.Length, bytes, length, &length, (nint)(&status)), status);
            }

            return value;
        }
    }

    // Asking with no buffer only learns the length: that it is too small is expected.
    private static void CheckProbe(int result, in MambaStatus.__Internal status)
    {
        if (result != (int)MambaResult.MAMBA_BUFFER_TOO_SMALL)
        {
            NativeStatus.Check(result, status);
        }
    }
}
