using System.Text;
using ChatConsole;

Console.OutputEncoding = Encoding.UTF8;
bool isTerminal = !Console.IsInputRedirected && !Console.IsOutputRedirected;
return await ChatProgram.RunAsync(args, Console.In, Console.Out, Console.Error, isTerminal);
