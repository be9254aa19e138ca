using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba tokenize</c>: a text's tokens. It needs no weights: a vocabulary-only GGUF file or a bare <c>tokenizer.json</c> will do.</summary>
internal static class TokenizeCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<bool> special = new("--special") { Description = "Read special tokens in the text, as <|im_end|>, as what they stand for." };
        Option<bool> json = JsonOption.Create();
        Command command = new("tokenize", "Splits a text into tokens.");
        InputText input = InputText.AddTo(command, console, withTokens: false);
        command.Add(special);
        command.Add(json);
        ModelOptions model = ModelOptions.AddTo(command, computes: false);
        command.SetAction(parsed =>
        {
            MambaTokenizer tokenizer = MambaModel.LoadTokenizer(model.Path(parsed));
            int[] ids = tokenizer.Encode(input.Text(parsed), parsed.GetValue(special));
            string[] tokens = [.. ids.Select(tokenizer.GetToken)];
            if (parsed.GetValue(json))
            {
                console.WriteJson(new TokenizeDocument(ids, tokens), ToolJson.Instance.TokenizeDocument);
                return Tool.Success;
            }

            for (int index = 0; index < ids.Length; index++)
            {
                console.Out.WriteLine($"{ids[index],7}  {tokens[index]}");
            }

            return Tool.Success;
        });
        return command;
    }
}
