using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Server.Http;

namespace DpAttn.Server.Rows;

/// <summary>The named arrays of a body: keys, values and, under add-remove, isNull.</summary>
/// <param name="cap">The most bytes that they may hold together.</param>
internal sealed class RowArrays(long cap)
{
    public const string KeysName = "keys";
    public const string ValuesName = "values";
    public const string IsNullName = "isNull";
    private const string OtherIsNullName = "nulls";
    private FloatMatrix? _keys;
    private FloatMatrix? _values;
    private bool[]? _isNull;
    private long _left = cap;

    /// <summary>Reads an array by its name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="where">What to call it in messages.</param>
    /// <param name="content">A .npy file.</param>
    public void Read(string name, string where, Stream content)
    {
        var limits = new NpyLimits { DataBytes = _left };
        switch (name)
        {
            case KeysName when _keys is null:
                Count(_keys = Npy.ReadMatrix(content, where, limits));
                break;
            case ValuesName when _values is null:
                Count(_values = Npy.ReadMatrix(content, where, limits));
                break;
            case IsNullName or OtherIsNullName when _isNull is null:
                _isNull = ToMarks(Npy.ReadLabels(content, where, limits), where);
                _left -= _isNull.Length;
                break;
            case KeysName or ValuesName or IsNullName or OtherIsNullName:
                throw RequestParameters.Refuse($"{where}: it stands twice");
            default:
                throw RequestParameters.Refuse($"{where}: it is unknown; {KeysName}, {ValuesName} and {IsNullName} are known");
        }
    }

    /// <summary>The batch.</summary>
    /// <param name="where">What to call the whole in messages.</param>
    public RowBatch ToBatch(string where) => (_keys, _values) switch
    {
        (null, _) => throw RequestParameters.Refuse($"{where}: {KeysName} is missing"),
        (_, null) => throw RequestParameters.Refuse($"{where}: {ValuesName} is missing"),
        var (keys, values) => new RowBatch(keys, values, _isNull),
    };

    private void Count(FloatMatrix matrix) =>
        _left -= (long)matrix.Rows * matrix.Columns * (matrix.Single is null ? sizeof(double) : sizeof(float));

    private static bool[] ToMarks(int[] labels, string where)
    {
        var wrong = Array.FindIndex(labels, label => label is not (0 or 1));
        return wrong < 0
            ? Array.ConvertAll(labels, label => label == 1)
            : throw RequestParameters.Refuse($"{where}: element {wrong} is neither 0 nor 1");
    }
}
