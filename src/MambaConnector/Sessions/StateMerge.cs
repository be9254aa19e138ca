using System.Diagnostics.CodeAnalysis;

namespace MambaConnector;

/// <summary>Which orders of texts a merged state stands for (<see cref="MambaSession.Merge"/>).</summary>
[Experimental("MAMBA001")]
public enum StateMerge
{
    /// <summary>The texts one after another, in the order in which they are given (CASO). The window of the convolution is the last one's.</summary>
    Concatenate = 0,

    /// <summary>The mean over the rotations of that order, so that no text is always the oldest (PICASO-R of arXiv 2502.17605). The window of the
    /// convolution is empty.</summary>
    Cyclic = 1,

    /// <summary>The mean over all orders (PICASO-S). Takes time that grows with the square of their number; the others with it. The window of the
    /// convolution is empty.</summary>
    AllOrders = 2,
}
