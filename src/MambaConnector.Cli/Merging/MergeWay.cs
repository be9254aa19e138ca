namespace MambaConnector.Cli.Merging;

/// <summary>A state that a continuation or a question is put to.</summary>
internal enum MergeWay
{
    /// <summary>Behind all parts, read one after another: what merging approximates.</summary>
    Whole,

    /// <summary>Made of the parts' states by <see cref="StateMerge.Concatenate"/>.</summary>
    Concatenate,

    /// <summary>By <see cref="StateMerge.Cyclic"/>.</summary>
    Cyclic,

    /// <summary>By <see cref="StateMerge.AllOrders"/>.</summary>
    AllOrders,

    /// <summary>Behind the last part alone.</summary>
    Last,

    /// <summary>Behind the part with the key alone: what a perfect choice of the part would have.</summary>
    Own,
}
