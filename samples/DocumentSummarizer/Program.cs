using System.Text;
using SummarizerSample;

Console.OutputEncoding = Encoding.UTF8;
return await SummarizerProgram.RunAsync(args, Console.Out, Console.Error, isTerminal: !Console.IsOutputRedirected);
