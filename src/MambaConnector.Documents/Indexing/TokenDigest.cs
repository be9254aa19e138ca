using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MambaConnector.Documents.Indexing;

/// <summary>The SHA-256 of all tokens so far, each as 32 bits, little-endian; -1 where a section ends.</summary>
internal sealed class TokenDigest : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Add(ReadOnlySpan<int> tokens)
    {
        Span<byte> bytes = stackalloc byte[1024];
        while (!tokens.IsEmpty)
        {
            int count = Math.Min(tokens.Length, bytes.Length / sizeof(int));
            for (int index = 0; index < count; index++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(bytes[(index * sizeof(int))..], tokens[index]);
            }

            _hash.AppendData(bytes[..(count * sizeof(int))]);
            tokens = tokens[count..];
        }
    }

    /// <summary>Adds where a section ends: what a state has read depends on it in its last bits.</summary>
    public void AddBorder() => Add([-1]);

    public byte[] Current() => _hash.GetCurrentHash();

    public void Dispose() => _hash.Dispose();
}
