namespace DpAttn.Gateway;

/// <summary>What keeps certificates from being used.</summary>
/// <param name="Setting">The name of the property of <see cref="LinkFiles"/> that is at fault.</param>
/// <param name="Text">What is wrong with it.</param>
internal sealed record LinkFault(string Setting, string Text);
