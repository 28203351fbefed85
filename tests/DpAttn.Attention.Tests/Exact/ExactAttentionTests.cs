using System.Numerics;
using CsCheck;

namespace DpAttn.Attention.Tests;

public class ExactAttentionTests
{
    private static readonly Gen<(int Rows, int D, int Dv, uint Seed)> Shapes = Gen.Select(
        Gen.Frequency((1, Gen.Int[1, 20]), (3, Gen.Int[1, 3000])), Gen.Int[1, 130], Gen.Int[1, 130], Gen.UInt);

    [Fact]
    public void Float_rows_agree_with_a_naive_double_reference() => Shapes.Sample(s => Agrees<float>(s, 3, 2e-6), iter: 150);

    [Fact]
    public void Double_rows_agree_with_a_naive_double_reference() => Shapes.Sample(s => Agrees<double>(s, 3, 1e-12), iter: 150);

    [Fact]
    public void A_many_query_batch_of_float_rows_agrees_with_a_naive_double_reference() =>
        Shapes.Sample(s => BatchAgrees<float>(s, 3, 2e-6), iter: 25);

    [Fact]
    public void A_many_query_batch_of_double_rows_agrees_with_a_naive_double_reference() =>
        Shapes.Sample(s => BatchAgrees<double>(s, 3, 1e-12), iter: 25);

    // The rounding error of a score is relative to the score, and it is the relative error of the weight.
    [Fact]
    public void Scores_of_ten_thousand_give_accurate_double_answers() => Shapes.Sample(s => Agrees<double>(s, 1e4, 1e-10), iter: 60);

    [Fact]
    public void Scores_of_ten_thousand_give_float_answers_within_the_rounding_of_the_scores() =>
        Shapes.Sample(s => Agrees<float>(s, 1e4, 2e-2), iter: 60);

    [Theory]
    [InlineData(1e4)]
    [InlineData(-1e4)]
    [InlineData(1e30)]
    [InlineData(-1e30)]
    public void A_huge_score_gap_selects_one_row(double scale)
    {
        foreach (var rows in new[] { 2, 17, 600, 1500 })
        {
            var keys = new Matrix<float>(rows, 3);
            var values = new Matrix<float>(rows, 2);
            var best = rows * 2 / 3;
            for (var i = 0; i < rows; i++)
            {
                keys[i, 1] = Math.Sign(scale) * (i == best ? 1f : -1f);
                (values[i, 0], values[i, 1]) = (i, -i);
            }
            var attention = new ExactAttention<float>(keys, values, scale);
            var output = new double[2];
            attention.Attend([0f, 1f, 0f], output);
            Close([best, -best], output, 1e-7);
            var batch = attention.Attend(Repeat([0f, 1f, 0f], 9));
            for (var n = 0; n < 9; n++)
                Close([best, -best], batch.Row(n), 1e-7);
        }
    }

    [Fact]
    public void Scores_that_rise_through_every_block_stay_finite()
    {
        const int rows = 3000;
        var keys = new Matrix<double>(rows, 1);
        var values = new Matrix<double>(rows, 1);
        for (var i = 0; i < rows; i++)
            (keys[i, 0], values[i, 0]) = (i / 1500.0 - 1, i);
        foreach (var scale in new[] { 1e4, -1e4 })
        {
            var attention = new ExactAttention<double>(keys, values, scale);
            var output = new double[1];
            attention.Attend([1.0], output);
            Assert.Equal(Naive(keys, values, scale, [1.0])[0], output[0], 1e-8);
            Assert.Equal(output[0], attention.Attend(Repeat([1.0], 7))[6, 0], 1e-8);
        }
    }

    [Fact]
    public void One_row_is_answered_with_its_value() => Gen.Select(Gen.Int[1, 130], Gen.Int[1, 130], Gen.UInt).Sample((d, dv, seed) =>
    {
        var (keys, values, queries) = Random<double>(1, d, dv, 6, seed);
        var attention = new ExactAttention<double>(keys, values, 5);
        var output = new double[dv];
        attention.Attend(queries.Row(0), output);
        Assert.Equal(values.Row(0).ToArray(), output);
        Assert.Equal(values.Row(0).ToArray(), attention.Attend(queries).Row(5).ToArray());
    }, iter: 50);

    [Fact]
    public void Equal_keys_are_answered_with_the_mean_value() => Shapes.Sample(s =>
    {
        var (keys, values, queries) = Random<double>(s.Rows, s.D, s.Dv, 6, s.Seed);
        for (var i = 1; i < s.Rows; i++)
            keys.Row(0).CopyTo(keys.Row(i));
        var attention = new ExactAttention<double>(keys, values, 2);
        var output = new double[s.Dv];
        attention.Attend(queries.Row(0), output);
        Close(attention.MeanValue(), output, 1e-12);
        Close(attention.MeanValue(), attention.Attend(queries).Row(3), 1e-12);
    }, iter: 50);

    [Fact]
    public void A_scale_of_zero_is_answered_with_the_mean_value()
    {
        var (keys, values, queries) = Random<float>(1234, 5, 6, 1, 8);
        var attention = new ExactAttention<float>(keys, values, 0);
        var output = new double[6];
        attention.Attend(queries.Row(0), output);
        Close(attention.MeanValue(), output, 2e-6);
        for (var c = 0; c < 6; c++)
            Assert.Equal(Enumerable.Range(0, 1234).Average(i => (double)values[i, c]), output[c], 2e-6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(131)]
    public void A_batch_gives_the_answers_of_its_single_queries_and_does_not_depend_on_threads(int count)
    {
        var (keys, values, queries) = Random<float>(1700, 33, 21, count, 4);
        var attention = new ExactAttention<float>(keys, values, 0.7);
        var batch = attention.Attend(queries);
        Assert.Equal((count, 21), (batch.Rows, batch.Columns));
        Assert.Equal(batch.Data, attention.Attend(queries, 3).Data);
        var single = new double[21];
        for (var n = 0; n < count; n++)
        {
            attention.Attend(queries.Row(n), single);
            Close(single, batch.Row(n), 2e-6);
        }
    }

    [Fact]
    public void Adding_a_constant_to_every_score_changes_nothing()
    {
        // Column 0 adds 4096 to every score, which costs twelve bits of the other terms.
        var (keys, values, queries) = Random<double>(900, 4, 3, 1, 15);
        for (var i = 0; i < 900; i++)
            keys[i, 0] = 4096;
        var (plain, shifted) = (new double[3], new double[3]);
        queries[0, 0] = 0;
        var attention = new ExactAttention<double>(keys, values, 1);
        attention.Attend(queries.Row(0), plain);
        queries[0, 0] = 1;
        attention.Attend(queries.Row(0), shifted);
        Close(plain, shifted, 1e-11);
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        var one = new Matrix<float>(2, 3);
        Assert.Throws<ArgumentException>(() => new ExactAttention<float>(new(0, 3), new(0, 1), 1));
        Assert.Throws<ArgumentException>(() => new ExactAttention<float>(one, new(3, 1), 1));
        Assert.Throws<ArgumentException>(() => new ExactAttention<float>(one, new(2, 0), 1));
        Assert.Throws<ArgumentException>(() => new ExactAttention<float>(new(2, 0), one, 1));
        Assert.Throws<ArgumentNullException>(() => new ExactAttention<float>(null!, one, 1));
        Assert.Throws<ArgumentNullException>(() => new ExactAttention<float>(one, null!, 1));
        foreach (var scale in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            Assert.Throws<ArgumentOutOfRangeException>(() => new ExactAttention<float>(one, one, scale));
        Assert.Throws<ArgumentException>(() => new ExactAttention<Half>(new(2, 3), new(2, 3), 1));

        var attention = new ExactAttention<float>(one, new(2, 1), 1);
        Assert.Throws<ArgumentException>(() => attention.Attend(new float[2], new double[1]));
        Assert.Throws<ArgumentException>(() => attention.Attend(new float[3], new double[2]));
        Assert.Throws<ArgumentException>(() => attention.Attend([float.NaN, 0, 0], new double[1]));
        Assert.Throws<ArgumentException>(() => attention.Attend(new Matrix<float>(5, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Attend(new Matrix<float>(5, 3), 0));
        var queries = new Matrix<float>(5, 3);
        queries[4, 2] = float.PositiveInfinity;
        Assert.Throws<ArgumentException>(() => attention.Attend(queries));
    }

    /// <summary>
    /// Against scores, exponentials and sums in 400-bit integers: the double version is good to the rounding of a score, about 2^-53 of its size.
    /// </summary>
    [Theory]
    [InlineData(1, 1e-14)]
    [InlineData(300, 3e-13)]
    [InlineData(-20_000, 2e-11)]
    public void Double_answers_agree_with_high_precision_arithmetic(double scale, double tolerance)
    {
        var (keys, values, queries) = Random<double>(300, 7, 3, 4, 77);
        var attention = new ExactAttention<double>(keys, values, scale);
        var output = new double[3];
        for (var q = 0; q < queries.Rows; q++)
        {
            var scores = Enumerable.Range(0, keys.Rows).Select(i =>
            {
                BigInteger dot = 0;
                for (var j = 0; j < keys.Columns; j++)
                    dot += BigReal.Multiply(BigReal.Of(keys[i, j]), BigReal.Of(queries[q, j]));
                return dot * (int)scale;
            }).ToArray();
            var largest = scores.Max();
            var weights = scores.Select(score => BigReal.Exp(score - largest)).ToArray();
            var total = weights.Aggregate((x, y) => x + y);
            var expected = Enumerable.Range(0, 3).Select(c =>
            {
                BigInteger sum = 0;
                for (var i = 0; i < keys.Rows; i++)
                    sum += weights[i] * BigReal.Of(values[i, c]);
                return BigReal.ToDouble(sum / total);
            }).ToArray();
            attention.Attend(queries.Row(q), output);
            Close(expected, output, tolerance);
            Close(expected, attention.Attend(queries).Row(q), tolerance);
        }
    }

    [Fact]
    public void Rows_that_are_no_numbers_and_scores_that_overflow_are_refused_and_never_answered_with_NaN()
    {
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity })
        {
            var (keys, values, queries) = Random<float>(600, 3, 2, 2, 5);
            keys[555, 1] = bad;
            var attention = new ExactAttention<float>(keys, values, 1);
            Assert.Throws<ArgumentException>(() => attention.Attend(queries.Row(0), new double[2]));
            Assert.Throws<ArgumentException>(() => attention.Attend(queries, 2));
            keys[555, 1] = 0;
            values[3, 1] = bad;
            Assert.Throws<ArgumentException>(() => attention.Attend(queries.Row(0), new double[2]));
        }
        var one = new Matrix<float>(1, 1, [1e30f]);
        Assert.Throws<ArgumentException>(() => new ExactAttention<float>(one, one, 1).Attend([1e30f], new double[1]));
        // A float scale that rounds to infinity is no finite scale; as float64 the same scale is one.
        Assert.Contains("finite as a Single", Assert.Throws<ArgumentOutOfRangeException>(() => new ExactAttention<float>(one, one, 1e200)).Message);
        _ = new ExactAttention<double>(new(1, 1), new(1, 1), 1e200);
    }

    private static void Agrees<T>((int Rows, int D, int Dv, uint Seed) s, double score, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (keys, values, queries) = Random<T>(s.Rows, s.D, s.Dv, 1, s.Seed);
        var scale = ScaleFor(keys, queries, score, s.Seed);
        var output = new double[s.Dv];
        new ExactAttention<T>(keys, values, scale).Attend(queries.Row(0), output);
        Close(Naive(keys, values, scale, queries.Row(0)), output, tolerance);
    }

    private static void BatchAgrees<T>((int Rows, int D, int Dv, uint Seed) s, double score, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (keys, values, queries) = Random<T>(s.Rows, s.D, s.Dv, 5 + (int)(s.Seed % 80), s.Seed);
        var scale = ScaleFor(keys, queries, score, s.Seed);
        var batch = new ExactAttention<T>(keys, values, scale).Attend(queries);
        for (var n = 0; n < queries.Rows; n += 9)
            Close(Naive(keys, values, scale, queries.Row(n)), batch.Row(n), tolerance);
    }

    /// <summary>The scale, of either sign, for which the largest score of query 0 has the given size.</summary>
    private static double ScaleFor<T>(Matrix<T> keys, Matrix<T> queries, double score, uint seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var largest = 0.0;
        for (var i = 0; i < keys.Rows; i++)
            largest = Math.Max(largest, Math.Abs(Dot(keys.Row(i), queries.Row(0))));
        return Math.Min(score, score / largest * (keys.Columns == 1 ? 0.1 : 1)) * (seed % 2 == 0 ? 1 : -1);
    }

    /// <summary>Relative to the largest element of the expected answer.</summary>
    private static void Close(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var size = 0.0;
        foreach (var x in expected)
            size = Math.Max(size, Math.Abs(x));
        for (var c = 0; c < expected.Length; c++)
            Assert.True(Math.Abs(expected[c] - actual[c]) <= tolerance * size, $"column {c}: {actual[c]} instead of {expected[c]}, off by {Math.Abs(expected[c] - actual[c]) / size:g3} of {size:g3}");
    }

    private static double[] Naive<T>(Matrix<T> keys, Matrix<T> values, double scale, ReadOnlySpan<T> query)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var scores = new double[keys.Rows];
        for (var i = 0; i < keys.Rows; i++)
            scores[i] = scale * Dot(keys.Row(i), query);
        var largest = scores.Max();
        var output = new double[values.Columns];
        var total = 0.0;
        for (var i = 0; i < keys.Rows; i++)
        {
            var weight = Math.Exp(scores[i] - largest);
            total += weight;
            for (var c = 0; c < output.Length; c++)
                output[c] += weight * double.CreateTruncating(values[i, c]);
        }
        for (var c = 0; c < output.Length; c++)
            output[c] /= total;
        return output;
    }

    private static double Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = 0.0;
        for (var j = 0; j < x.Length; j++)
            sum += double.CreateTruncating(x[j]) * double.CreateTruncating(y[j]);
        return sum;
    }

    /// <summary>Keys and queries in [-1, 1], values in [0, 1], so that sums of values do not cancel.</summary>
    private static (Matrix<T> Keys, Matrix<T> Values, Matrix<T> Queries) Random<T>(int rows, int d, int dv, int queries, uint seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Random((int)seed);
        return (Fill(rows, d, -1), Fill(rows, dv, 0), Fill(queries, d, -1));

        Matrix<T> Fill(int r, int c, double low)
        {
            var matrix = new Matrix<T>(r, c);
            foreach (ref var x in matrix.Data.AsSpan())
                x = T.CreateTruncating(low + (1 - low) * random.NextDouble());
            return matrix;
        }
    }

    private static Matrix<T> Repeat<T>(ReadOnlySpan<T> row, int count)
        where T : unmanaged
    {
        var matrix = new Matrix<T>(count, row.Length);
        for (var n = 0; n < count; n++)
            row.CopyTo(matrix.Row(n));
        return matrix;
    }
}
