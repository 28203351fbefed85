using DpAttn.Attention;

namespace DpAttn.Cli.Files;

/// <summary>Caps on what the readers take from a file. They are checked before anything is allocated.</summary>
internal sealed record RowFileLimits
{
    public static RowFileLimits Default { get; } = new();

    /// <summary>The most numbers of a key, and of a value.</summary>
    public int Dimension { get; init; } = StoreSchema.LargestDimension;

    /// <summary>The longest header of a .npy array or a .safetensors file, in bytes.</summary>
    public int HeaderBytes { get; init; } = 16 << 20;

    /// <summary>The longest footer of a .parquet file, in bytes.</summary>
    public int FooterBytes { get; init; } = 64 << 20;

    /// <summary>How long the footer of a .parquet file may take to be understood.</summary>
    public TimeSpan FooterTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The longest record of a .csv file, in characters.</summary>
    public int RecordCharacters { get; init; } = 16 << 20;

    /// <summary>The most columns of a .csv or .parquet file.</summary>
    public int Columns { get; init; } = 1 << 18;

    /// <summary>The most members of an .npz archive.</summary>
    public int Members { get; init; } = 64;

    /// <summary>The most numbers that one row group of a .parquet file holds in the columns of the keys, and of the values.</summary>
    public long RowGroupNumbers { get; init; } = 1L << 27;

    /// <summary>The most data of an array that cannot be read row by row (Fortran order), in bytes.</summary>
    public long WholeArrayBytes { get; init; } = 4L << 30;
}
