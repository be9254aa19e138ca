using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using MambaConnector.Tokenization;

namespace MambaConnector;

/// <summary>
/// Turns text into token ids and back, as the model's own tokenizer does: BPE vocabularies of Hugging Face (<c>tokenizer.json</c>) and of
/// GGUF files. Immutable and safe to use from several threads.
/// </summary>
/// <remarks>
/// docs/tokenizers.md lists what is accepted. Text is UTF-16; a lone surrogate counts as U+FFFD. Special (control) tokens that are
/// written out in a text are plain text unless the caller asks for them: what a user types cannot end a turn.
/// </remarks>
public sealed class MambaTokenizer
{
    private readonly TokenizerDefinition _definition;
    private readonly Dictionary<string, int> _ids;
    private readonly byte[] _bytes;
    private readonly int[] _offsets; // token id spans _bytes[_offsets[id].._offsets[id + 1]]
    private readonly string?[] _texts; // of tokens that are whole characters, made when first asked for
    private readonly CharacterCache _characters = new(); // of those that are not
    private readonly AddedTokenMatcher?[] _raw = new AddedTokenMatcher?[2]; // 0: without special tokens, 1: with them
    private readonly AddedTokenMatcher?[] _normalized = new AddedTokenMatcher?[2];

    private MambaTokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _ids = new Dictionary<string, int>(definition.Tokens.Length, StringComparer.Ordinal);
        _offsets = new int[definition.Tokens.Length + 1];
        for (var id = 0; id < definition.Tokens.Length; id++)
        {
            _ids.TryAdd(definition.Tokens[id], id);
            _offsets[id + 1] = _offsets[id] + definition.Bytes[id].Length;
        }

        _texts = new string?[definition.Tokens.Length];
        _bytes = new byte[_offsets[^1]];
        for (var id = 0; id < definition.Tokens.Length; id++)
        {
            definition.Bytes[id].CopyTo(_bytes, _offsets[id]);
        }

        foreach (var withSpecial in (int[])[0, 1])
        {
            var wanted = definition.AddedTokens.Where(token => withSpecial == 1 || !token.Special).ToArray();
            _raw[withSpecial] = Matcher(wanted.Where(token => !token.Normalized).Select(token => (token, token.Content)));
            _normalized[withSpecial] = Matcher(
                wanted.Where(token => token.Normalized)
                    .Select(token => (token, definition.Normalizer?.Normalize(token.Content) ?? token.Content)));
        }
    }

    /// <summary>Number of ids, special tokens and unused rows included. The model's table may be longer (padded), never shorter.</summary>
    public int VocabularySize => _definition.Tokens.Length;

    /// <summary>The token that begins a text, if the file names one.</summary>
    public int? BosId => _definition.BosId;

    /// <summary>The token that ends a text, if the file names one. Chat models may end turns by others.</summary>
    public int? EosId => _definition.EosId;

    /// <summary>The token for padding, if the file names one.</summary>
    public int? PadId => _definition.PadId;

    /// <summary>The token for what the vocabulary cannot spell, if the file names one.</summary>
    public int? UnknownId => _definition.UnknownId;

    /// <summary>Whether the model expects <see cref="BosId"/> in front of a text. <see cref="Encode(string, bool, bool)"/> does it only
    /// when told to.</summary>
    public bool AddsBos => _definition.AddsBos && _definition.BosId is not null;

    /// <summary>Reads a <c>tokenizer.json</c>, and the <c>tokenizer_config.json</c> beside it if there is one.</summary>
    /// <param name="path">The path of the tokenizer.json.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed or asks for what is not supported; the message names the
    /// part.</exception>
    public static MambaTokenizer FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var json = File.OpenRead(path);
        var configPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "tokenizer_config.json");
        using var config = File.Exists(configPath) ? File.OpenRead(configPath) : null;
        return FromTokenizerJson(json, config);
    }

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <param name="json">The file; read to its end, left open.</param>
    /// <param name="tokenizerConfigJson"><c>tokenizer_config.json</c>, which names BOS, EOS and padding; may be left out.</param>
    /// <exception cref="InvalidDataException">A file is malformed or asks for what is not supported; the message names the
    /// part.</exception>
    public static MambaTokenizer FromTokenizerJson(Stream json, Stream? tokenizerConfigJson = null)
    {
        ArgumentNullException.ThrowIfNull(json);
        var config = tokenizerConfigJson is null ? [] : ReadAll(tokenizerConfigJson);
        return new MambaTokenizer(HuggingFaceReader.Read(ReadAll(json), config));
    }

    /// <summary>Reads the vocabulary in a GGUF file's metadata (keys <c>tokenizer.ggml.*</c>).</summary>
    /// <param name="metadata">The metadata of the model.</param>
    /// <exception cref="InvalidDataException">The metadata has no vocabulary, a damaged one, or one that is not supported; the message
    /// names the key.</exception>
    public static MambaTokenizer FromMetadata(ModelMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        return new MambaTokenizer(GgufVocabularyReader.Read(metadata));
    }

    /// <summary>Turns a text into token ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="parseSpecial">Special tokens written out in the text become those tokens; otherwise they are plain text.</param>
    /// <param name="addBos">Put <see cref="BosId"/> in front.</param>
    /// <returns>The ids; none for an empty text.</returns>
    /// <exception cref="InvalidOperationException"><paramref name="addBos"/> is true and the vocabulary names no BOS.</exception>
    public int[] Encode(string text, bool parseSpecial = false, bool addBos = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> output = [];
        if (addBos)
        {
            output.Add(BosId ?? throw new InvalidOperationException("This vocabulary names no token that begins a text (BOS)."));
        }

        EncodeTo(text, output, parseSpecial);
        return output.ToArray();
    }

    /// <summary>Appends the token ids of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="output">Receives the ids.</param>
    /// <param name="parseSpecial">Special tokens written out in the text become those tokens; otherwise they are plain text.</param>
    public void Encode(ReadOnlySpan<char> text, ICollection<int> output, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (output is List<int> list)
        {
            EncodeTo(text, list, parseSpecial);
            return;
        }

        List<int> ids = [];
        EncodeTo(text, ids, parseSpecial);
        foreach (var id in ids)
        {
            output.Add(id);
        }
    }

    /// <summary>Counts the tokens of a text; special tokens in it are plain text.</summary>
    /// <param name="text">The text.</param>
    public int CountTokens(ReadOnlySpan<char> text)
    {
        List<int> ids = [];
        EncodeTo(text, ids, parseSpecial: false);
        return ids.Count;
    }

    /// <summary>Turns token ids into text. Bytes that are not UTF-8 become U+FFFD, as <see cref="Encoding.UTF8"/> does it.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        var decoder = CreateDecoder(skipSpecial);
        var text = new StringBuilder(ids.Length * 4);
        foreach (var id in ids)
        {
            text.Append(decoder.Append(id));
        }

        return text.Append(decoder.Flush()).ToString();
    }

    /// <summary>The raw bytes that a token stands for; for a special token its text, for an unused row none. They may be part of a
    /// character.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> GetBytes(int id)
    {
        CheckId(id);
        return _bytes.AsSpan(_offsets[id].._offsets[id + 1]);
    }

    /// <summary>The text of a token whose bytes are whole characters, kept once it is made; null where they are not.</summary>
    internal string? GetWholeText(int id) =>
        _texts[id] ?? (Utf8.IsValid(GetBytes(id)) ? _texts[id] = Encoding.UTF8.GetString(GetBytes(id)) : null);

    /// <summary>What tokens made together, as a string; of a character or two usually one that was made before.</summary>
    internal string Intern(ReadOnlySpan<char> text) => _characters.Get(text);

    /// <summary>A token's spelling in the vocabulary ("Ġthe" and the like).</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string GetToken(int id)
    {
        CheckId(id);
        return _definition.Tokens[id];
    }

    /// <summary>Looks a token up by its spelling in the vocabulary.</summary>
    /// <param name="token">The spelling.</param>
    /// <param name="id">Its id.</param>
    /// <returns>Whether the vocabulary has it.</returns>
    public bool TryGetId(string token, out int id) => _ids.TryGetValue(token, out id);

    /// <summary>Whether a token steers the model and is no text: a control or unknown token.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _definition.Kinds[id] is TokenKind.Control or TokenKind.Unknown;
    }

    /// <summary>Whether encoding puts a space before a text, which decoding drops again.</summary>
    internal bool AddsLeadingSpace => _definition.LeadingSpace != LeadingSpace.Keep;

    /// <summary>Makes a decoder for tokens that continue a text: the first may begin with a space that is part of it. Special tokens are
    /// left out.</summary>
    /// <param name="shown">Special tokens that become their text all the same; null: none.</param>
    internal TokenDecoder CreateContinuationDecoder(IReadOnlySet<int>? shown = null) =>
        new(this, LeadingSpace.Keep, skipSpecial: true, shown);

    /// <summary>Makes a decoder for tokens that come one by one.</summary>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    public TokenDecoder CreateDecoder(bool skipSpecial = true) => new(this, _definition.LeadingSpace, skipSpecial);

    /// <summary>Writes the vocabulary as GGUF keys, those that llama.cpp reads.</summary>
    internal void WriteMetadata(MetadataWriter writer)
    {
        var form = _definition.Gguf;
        writer.Add("tokenizer.ggml.model", form.Model);
        writer.Add("tokenizer.ggml.pre", form.Pre);
        writer.Add("tokenizer.ggml.tokens", _definition.Tokens);
        writer.Add("tokenizer.ggml.token_type", Array.ConvertAll(_definition.Kinds, kind => (int)kind));
        AddIfAny("tokenizer.ggml.merges", form.Merges);
        AddIfAny("tokenizer.ggml.scores", form.Scores);
        AddIfAny("tokenizer.ggml.bos_token_id", (uint?)BosId);
        AddIfAny("tokenizer.ggml.eos_token_id", (uint?)EosId);
        AddIfAny("tokenizer.ggml.padding_token_id", (uint?)PadId);
        AddIfAny("tokenizer.ggml.unknown_token_id", (uint?)UnknownId);
        writer.Add("tokenizer.ggml.add_bos_token", AddsBos);
        writer.Add("tokenizer.ggml.add_space_prefix", form.AddsSpacePrefix);
        AddIfAny("tokenizer.huggingface.json", form.Json);

        void AddIfAny(string key, object? value)
        {
            if (value is not null)
            {
                writer.Add(key, value);
            }
        }
    }

    private static AddedTokenMatcher? Matcher(IEnumerable<(AddedToken, string)> tokens)
    {
        var list = tokens.ToArray();
        return list.Length == 0 ? null : new AddedTokenMatcher(list);
    }

    private static byte[] ReadAll(Stream stream)
    {
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return buffer.ToArray();
    }

    private void EncodeTo(ReadOnlySpan<char> text, List<int> output, bool parseSpecial)
    {
        if (CodePoints.HasLoneSurrogate(text))
        {
            text = CodePoints.ReplaceLoneSurrogates(text);
        }

        var encoder = new PieceEncoder(_definition.Stages, _definition.Model, output);
        var matcher = _raw[parseSpecial ? 1 : 0];
        var position = 0;
        while (matcher is not null && matcher.Find(text, position, out var match))
        {
            EncodeFragment(text[position..match.Start], position == 0, encoder, output, parseSpecial);
            output.Add(match.Id);
            position = match.End;
        }

        EncodeFragment(text[position..], position == 0, encoder, output, parseSpecial);
    }

    // A stretch between tokens that are matched in the raw text.
    private void EncodeFragment(ReadOnlySpan<char> text, bool atStart, PieceEncoder encoder, List<int> output, bool parseSpecial)
    {
        if (text.IsEmpty)
        {
            return;
        }

        if (_definition.Normalizer is { } normalizer)
        {
            text = normalizer.Normalize(text.ToString());
        }

        var matcher = _normalized[parseSpecial ? 1 : 0];
        var position = 0;
        while (matcher is not null && matcher.Find(text, position, out var match))
        {
            EncodePiece(text[position..match.Start], atStart && position == 0);
            output.Add(match.Id);
            position = match.End;
        }

        EncodePiece(text[position..], atStart && position == 0);

        void EncodePiece(ReadOnlySpan<char> piece, bool pieceAtStart)
        {
            if (!piece.IsEmpty)
            {
                encoder.Encode(piece, pieceAtStart);
            }
        }
    }

    private void CheckId(int id)
    {
        if ((uint)id >= (uint)VocabularySize)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id, $"Token id {id} is not in the vocabulary of {VocabularySize} tokens.");
        }
    }
}
