namespace DpAttn.Cli.Files;

/// <summary>Opens a tensor of a .safetensors file for reading row by row.</summary>
internal static class SafetensorsMatrix
{
    public static IMatrixSource Open(string path, string tensor, RowFileLimits limits)
    {
        var name = Path.GetFileName(path);
        var stream = RowFiles.OpenRead(path);
        try
        {
            var found = SafetensorsHeader.Read(stream, name, limits).Find(tensor);
            if (found.Columns > limits.Dimension)
                throw new RowFileException(name, $"tensor '{tensor}': it has {found.Columns} columns; at most {limits.Dimension} are allowed");
            stream.Position = found.Start;
            return new StreamMatrix(stream, $"{name}, tensor '{tensor}'", found.Rows, (int)found.Columns, found.Kind, bigEndian: false, isWholeStream: false);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }
}
