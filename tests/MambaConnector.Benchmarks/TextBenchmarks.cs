using BenchmarkDotNet.Attributes;
using MambaConnector.Generation;
using MambaConnector.Models;

namespace MambaConnector.Benchmarks;

/// <summary>What happens to text, a token: the vocabulary is that of mamba2-39m-chat.</summary>
[MemoryDiagnoser]
public class TextBenchmarks
{
    private const int Tokens = 256;
    private const string Sentence = "The old ship left the harbour at dawn, and nobody on the pier (not even the captain's wife) waved: it was 1847. ";

    private readonly List<int> _encoded = new(Tokens * 2);
    private readonly string[] _pieces = new string[Tokens];
    private readonly StopMatcher _stops = new(["\n\n", "<|im_end|>", "User:"]);
    private MambaTokenizer _tokenizer = null!;
    private TokenDecoder _decoder = null!;
    private string _text = "";
    private int[] _ids = [];
    private int[] _emoji = [];

    [GlobalSetup]
    public void Setup()
    {
        _tokenizer = MambaModel.LoadTokenizer(Mamba2Chat.Path);
        _decoder = _tokenizer.CreateDecoder();
        _ids = _tokenizer.Encode(string.Concat(Enumerable.Repeat(Sentence, 20)))[..Tokens];
        _text = _tokenizer.Decode(_ids);
        _emoji = _tokenizer.Encode(string.Concat(Enumerable.Repeat("😀😎", Tokens)))[..Tokens];
        for (int index = 0; index < Tokens; index++)
        {
            _pieces[index] = _decoder.Append(_ids[index]);
        }
    }

    [Benchmark(OperationsPerInvoke = Tokens)]
    public int Encode()
    {
        _encoded.Clear();
        _tokenizer.Encode(_text, _encoded);
        return _encoded.Count;
    }

    [Benchmark(OperationsPerInvoke = Tokens)]
    public int DecodeWords() => Decode(_ids);

    /// <summary>Tokens that are parts of characters.</summary>
    [Benchmark(OperationsPerInvoke = Tokens)]
    public int DecodeEmoji() => Decode(_emoji);

    [Benchmark(OperationsPerInvoke = Tokens)]
    public int MatchStops()
    {
        int length = 0;
        foreach (string piece in _pieces)
        {
            length += _stops.Append(piece).Length;
        }

        return length;
    }

    private int Decode(int[] ids)
    {
        int length = 0;
        foreach (int id in ids)
        {
            length += _decoder.Append(id).Length;
        }

        return length;
    }
}
