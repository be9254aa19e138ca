using MambaConnector.Chat;
using MambaConnector.Documents.Prompting;

namespace MambaConnector.Documents;

/// <summary>How a document stands in a conversation: the model's template opens a user's turn, the document follows as plain text, and a question
/// closes the turn and opens the assistant's. A model without a template gets the same as plain text. Immutable, thread-safe.</summary>
public sealed class DocumentPrompt
{
    // Where a model without a template begins to ask itself.
    private const string PlainQuestion = "\nQuestion:";

    // A character that no document and no question has: NULs are dropped from both.
    private const string Place = "\0";

    private readonly MambaModel _model;
    private readonly ControlGuard _guard;
    private readonly BlockEncoder _encoder;
    private readonly int[] _opening;

    private DocumentPrompt(MambaModel model, DocumentPromptOptions options)
    {
        _model = model;
        Options = options;
        MambaTokenizer tokenizer = model.Tokenizer;
        _guard = new ControlGuard(tokenizer, Controls(model));
        _encoder = new BlockEncoder(tokenizer, _guard);
        if (model.ChatTemplate is { } template)
        {
            _opening = template.RenderAround(tokenizer, Turns(""), Place, _guard).Before;
        }
        else
        {
            List<int> tokens = SplitPromptBuilder.EncodeOpen(tokenizer, PlainOpening());
            _guard.Apply(tokens);
            _opening = tokenizer.AddsBos ? [tokenizer.BosId!.Value, .. tokens] : [.. tokens];
        }
    }

    /// <summary>What stands before the document, as tokens: the same for every question.</summary>
    public ReadOnlySpan<int> Opening => _opening;

    /// <summary>What the prompt was made from.</summary>
    public DocumentPromptOptions Options { get; }

    /// <summary>Makes the prompt of a model.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="options">What it says; null: as <see cref="DocumentPromptOptions"/> begins.</param>
    /// <exception cref="MambaFormatException">The model has no tokenizer.</exception>
    public static DocumentPrompt Create(MambaModel model, DocumentPromptOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new DocumentPromptOptions();
        ArgumentNullException.ThrowIfNull(options.Introduction);
        return new DocumentPrompt(model, options);
    }

    /// <summary>A block of a document, and the blank line behind it, as tokens. They do not depend on what stands before or behind it, and none is a
    /// control token, whatever the text looks like.</summary>
    /// <param name="text">The block's text.</param>
    public int[] EncodeBlock(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _encoder.Encode(text);
    }

    /// <summary>What stands behind the document, as tokens: a question or an order, the end of the user's turn and the opening of the
    /// assistant's.</summary>
    /// <param name="question">Plain text, whatever it looks like: none of it becomes a control token.</param>
    public int[] Close(string question)
    {
        ArgumentNullException.ThrowIfNull(question);
        question = Clean(question);
        ArgumentException.ThrowIfNullOrWhiteSpace(question);
        if (_model.ChatTemplate is { } template)
        {
            return template.RenderAround(_model.Tokenizer, Turns(question), Place, _guard).After;
        }

        List<int> tokens = [.. _model.Tokenizer.Encode($"Question: {question}\nAnswer:")];
        _guard.Apply(tokens);
        return [.. tokens];
    }

    /// <summary>Options that also end a reply where the model's template does; without a template, before a line that asks another
    /// question.</summary>
    /// <param name="options">The options.</param>
    public GenerationOptions EndReplies(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return _model.ChatTemplate is { } template ? template.EndReplies(_model, options)
            : options with { StopSequences = [.. options.StopSequences ?? [], PlainQuestion] };
    }

    /// <summary>A text that ends a reply; null: only tokens do.</summary>
    internal string? EndOfReply => _model.ChatTemplate is null ? PlainQuestion : null;

    /// <summary>A text as a prompt has it: without the characters that stand for the document.</summary>
    internal static string Clean(string text) => text.Replace(Place, "", StringComparison.Ordinal);

    /// <summary>All tokens that mean more than their text: of the vocabulary, of the checkpoint and of the template.</summary>
    private static HashSet<int> Controls(MambaModel model)
    {
        MambaTokenizer tokenizer = model.Tokenizer;
        HashSet<int> controls = [.. model.GenerationDefaults.EndTokenIds];
        foreach (int? id in (int?[])[tokenizer.BosId, tokenizer.EosId])
        {
            if (id is { } known)
            {
                controls.Add(known);
            }
        }

        foreach (string token in model.ChatTemplate?.ControlTokens ?? [])
        {
            if (tokenizer.TryGetId(token, out int id))
            {
                controls.Add(id);
            }
        }

        return controls;
    }

    private List<ChatTurn> Turns(string question)
    {
        List<ChatTurn> turns = [new(ChatRoles.User, Clean(Options.Introduction) + "\n\n" + Place + question)];
        if (Options.Instructions is { } instructions)
        {
            turns.Insert(0, new ChatTurn(ChatRoles.System, Clean(instructions)));
        }

        return turns;
    }

    private string PlainOpening() =>
        Clean(Options.Instructions is { } instructions ? instructions + "\n\n" + Options.Introduction : Options.Introduction) + "\n\n";
}
