using System.Text;

namespace MambaConnector.Chat;

/// <summary>Builds a prompt as text, as the original template prints it.</summary>
/// <param name="begin">The name of the token that begins a sequence.</param>
/// <param name="end">The name of the token that ends a sequence.</param>
internal sealed class TextPromptBuilder(string begin, string end) : PromptBuilder
{
    private readonly StringBuilder _text = new();

    public override PromptBuilder Begin() => Text(begin);

    public override PromptBuilder End() => Text(end);

    public override PromptBuilder Control(string token) => Text(token);

    public override PromptBuilder Text(string text)
    {
        _text.Append(text);
        return this;
    }

    public override void EndTurn()
    {
    }

    public override bool TryAddKnownReply(ChatTurn reply) => false;

    public override string ToString() => _text.ToString();
}
