namespace MambaConnector.Tests.Chat;

/// <summary>Which checkpoint template gets which renderer, and that variants which print something else get none.</summary>
public class TemplateRecognizerTests
{
    private const string ChatMl =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private const string Mistral =
        "{{- bos_token }}{%- for message in messages %}{{- \"[INST] \" + message[\"content\"] + \"[/INST]\" }}{{- \" \" + message[\"content\"]|trim + eos_token}}{%- endfor %}";

    private const string Granite =
        "{%- set g4_default_system_message = 'You are a helpful assistant. Please ensure responses are professional, accurate, and safe.' %}" +
        "{{- '<|start_of_role|>' + message.role + '<|end_of_role|>' }}";

    private const string Falcon = "{{ '<|user|>\\n' + message['content'] + '\\n' }}{{ '<|assistant|>\\n' + message['content'] + eos_token }}";

    [Theory]
    [InlineData(ChatMl, "ChatML")]
    [InlineData("{{ bos_token }}" + ChatMl, "ChatML")]
    [InlineData(Mistral, "Mistral v3")]
    [InlineData(Granite, "Granite 4.0")]
    [InlineData(Falcon, "Falcon3")]
    public void KnowsATemplateByItsContent(string jinja, string name) => Assert.Equal(name, ChatTemplate.FromJinja(jinja).Name);

    [Fact]
    public void ObeysABeginTokenInChatMl() => Assert.StartsWith(
        "<s><|im_start|>", ChatTemplate.FromJinja("{{ bos_token }}" + ChatMl).RenderText([new(ChatRoles.User, "x")], addGenerationPrompt: false), StringComparison.Ordinal);

    [Fact]
    public void ObeysRepliesThatAreNotTrimmed() => Assert.Contains(
        "  x  </s>",
        ChatTemplate.FromJinja(Mistral.Replace("|trim", "", StringComparison.Ordinal)).RenderText(
            [new(ChatRoles.User, "u"), new(ChatRoles.Assistant, " x  ")], addGenerationPrompt: false),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ message['content'] }}")]
    [InlineData(ChatMl + "{{ '<think>' }}")]
    [InlineData(ChatMl + "{{ 'You are Qwen.' }}")]
    [InlineData("{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}")]
    [InlineData("{{ bos_token }}{{ '[INST] <<SYS>>' }}{{ '[/INST]' }}")]
    [InlineData("{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' }}")]
    public void AnythingElseIsAnErrorThatSaysTheWayOut(string jinja)
    {
        var exception = Assert.Throws<MambaFormatException>(() => ChatTemplate.FromJinja(jinja));
        Assert.Equal(MambaErrorCode.Unsupported, exception.ErrorCode);
        Assert.Contains("MambaModelOptions.ChatTemplate", exception.Message, StringComparison.Ordinal);
    }
}
