using System.Text;
using MambaConnector.Documents;
using Spectre.Console;

namespace SummarizerSample;

/// <summary>A document's sections with as much of their summaries as there is.</summary>
internal sealed class SummaryTree(string name, IReadOnlyList<DocumentSection> sections)
{
    private readonly Dictionary<int, StringBuilder> _sections = [];
    private readonly StringBuilder _document = new();
    private string _step = "";

    /// <summary>Takes a piece.</summary>
    public void Add(DocumentSummaryUpdate update)
    {
        switch (update.Phase)
        {
            case DocumentSummaryPhase.Section:
                int section = update.Sections[^1].Index;
                (_sections.TryGetValue(section, out StringBuilder? text) ? text : _sections[section] = new StringBuilder()).Append(update.Text);
                break;
            case DocumentSummaryPhase.Document:
                _document.Append(update.Text);
                break;
        }

        _step = update.Summary is null ? SectionName.Of(update) : "";
    }

    /// <summary>The tree as it is now.</summary>
    public Tree Draw()
    {
        Tree tree = new(new Markup($"[bold]{Markup.Escape(name)}[/] [grey]{Markup.Escape(_step)}[/]"));

        // The last heading of each level above: what stands under it is its child.
        Stack<(int Level, TreeNode Node)> above = new();
        foreach (DocumentSection section in sections)
        {
            while (above.Count > 0 && above.Peek().Level >= section.Level)
            {
                above.Pop();
            }

            TreeNode node = new(new Markup($"[bold]{Markup.Escape(SectionName.Of(section))}[/]"));
            if (_sections.TryGetValue(section.Index, out StringBuilder? text))
            {
                node.AddNode(new Text(text.ToString().Trim()));
            }

            if (above.Count > 0)
            {
                above.Peek().Node.AddNode(node);
            }
            else
            {
                tree.AddNode(node);
            }

            if (section.Level > 0)
            {
                above.Push((section.Level, node));
            }
        }

        if (_document.Length > 0)
        {
            tree.AddNode(new Markup("[bold]The whole document[/]")).AddNode(new Text(_document.ToString().Trim()));
        }

        return tree;
    }
}
