using System.Buffers.Binary;
using CsCheck;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Rows come back bit by bit, erased rows do not come back at all, and nothing but a segment is read as one.</summary>
public class SegmentCodecTests
{
    private static readonly Gen<RowBatch> GenBatch =
        from rows in Gen.Int[1, 70]
        from d in Gen.Int[1, 6]
        from dv in Gen.Int[1, 4]
        from keysAreSingle in Gen.Bool
        from valuesAreSingle in Gen.Bool
        from clip in Gen.Bool
        from nulls in Gen.Select(Gen.Bool, Gen.Bool.Array[rows], (has, marks) => has ? marks : null)
        from keys in Gen.ULong.Array[rows * d]
        from values in Gen.ULong.Array[rows * dv]
        select new RowBatch(Matrix(rows, d, keys, keysAreSingle), Matrix(rows, dv, values, valuesAreSingle), nulls, clip);

    /// <summary>A slice says what its rows are, whole segments are slices of themselves, and erasing another row leaves a slice as it is.</summary>
    [Fact]
    public void A_slice_is_the_segment_of_its_rows_whatever_becomes_of_others()
    {
        Gen.Select(GenBatch, Gen.Int[0, 69], Gen.Int[1, 70], Gen.Int[0, 69]).Sample((batch, first, length, other) =>
        {
            var rows = batch.Keys.Rows;
            var start = first % rows;
            var count = Math.Min(length, rows - start);
            var bytes = SegmentCodec.Encode(batch, 0, rows);
            var slice = SegmentCodec.Slice(bytes, start, count);
            Assert.Equal(SegmentCodec.Encode(batch, start, count), slice);
            Assert.Equal(bytes, SegmentCodec.Slice(bytes, 0, rows));
            var erased = SegmentCodec.Slice(SegmentCodec.Erase(bytes, other % rows), start, count);
            var isOutside = other % rows < start || other % rows >= start + count;
            var wasNull = batch.IsNull is { } nulls && nulls[other % rows];
            Assert.Equal(isOutside || wasNull, erased.AsSpan().SequenceEqual(slice));
        });
    }

    [Fact]
    public void Rows_that_hold_so_many_slots_are_the_fewest()
    {
        var bytes = SegmentCodec.Encode(Samples.Rows(6, 1, [false, true, true, false, false, true]), 0, 6);
        Assert.Equal([1, 4, 5], Enumerable.Range(1, 3).Select(slots => SegmentCodec.CountRowsOf(bytes, 0, slots, keepsSlots: false)));
        Assert.Equal([3, 4], Enumerable.Range(1, 2).Select(slots => SegmentCodec.CountRowsOf(bytes, 1, slots, keepsSlots: false)));
        Assert.Equal([1, 2, 3], Enumerable.Range(1, 3).Select(slots => SegmentCodec.CountRowsOf(bytes, 2, slots, keepsSlots: true)));
        Assert.Throws<StorageCorruptException>(() => SegmentCodec.CountRowsOf(bytes, 4, 2, keepsSlots: false));
    }

    [Fact]
    public void Rows_come_back_bit_by_bit_under_add_remove()
    {
        GenBatch.Sample(batch =>
        {
            var (rows, clip) = SegmentCodec.Decode(SegmentCodec.Encode(batch, 0, batch.Keys.Rows), Schema(batch, Adjacency.AddRemove));
            Assert.Equal(batch.Clip, clip);
            Assert.Equal(batch.Keys.Rows, rows!.Count);
            for (var i = 0; i < rows.Count; i++)
            {
                var isNull = batch.IsNull is { } nulls && nulls[i];
                Assert.Equal(isNull, rows.IsNull(i));
                if (!isNull)
                    Assert.Equal(Bits(batch, i), Bits(rows, i));
            }
        });
    }

    [Fact]
    public void Any_window_of_a_batch_is_encoded_as_if_it_were_a_batch_of_its_own()
    {
        Gen.Select(GenBatch, Gen.Int[0, 1000], Gen.Int[0, 1000]).Sample((batch, a, b) =>
        {
            var start = a % batch.Keys.Rows;
            var count = 1 + b % (batch.Keys.Rows - start);
            var (rows, _) = SegmentCodec.Decode(SegmentCodec.Encode(batch, start, count), Schema(batch, Adjacency.AddRemove));
            Assert.Equal(count, rows!.Count);
            for (var i = 0; i < count; i++)
            {
                if (!rows.IsNull(i))
                    Assert.Equal(Bits(batch, start + i), Bits(rows, i));
            }
        });
    }

    [Fact]
    public void Erased_rows_are_left_out_under_replace_one_and_keep_their_slot_under_add_remove()
    {
        Gen.Select(GenBatch, Gen.Int[0, 1000].List[1, 5]).Sample((batch, picks) =>
        {
            batch = batch with { IsNull = null };
            var bytes = SegmentCodec.Encode(batch, 0, batch.Keys.Rows);
            var erased = new SortedSet<int>(picks.Select(pick => pick % batch.Keys.Rows));
            foreach (var row in erased)
                bytes = SegmentCodec.Erase(bytes, row);
            Assert.Equal(erased.Count, SegmentCodec.CountNulls(bytes));

            var (kept, _) = SegmentCodec.Decode(bytes, Schema(batch, Adjacency.ReplaceOne));
            var left = Enumerable.Range(0, batch.Keys.Rows).Where(row => !erased.Contains(row)).ToArray();
            Assert.Equal(left.Length, kept?.Count ?? 0);
            for (var i = 0; i < left.Length; i++)
                Assert.Equal(Bits(batch, left[i]), Bits(kept!, i));

            var (slots, _) = SegmentCodec.Decode(bytes, Schema(batch, Adjacency.AddRemove));
            Assert.Equal(batch.Keys.Rows, slots!.Count);
            Assert.All(Enumerable.Range(0, slots.Count), i => Assert.Equal(erased.Contains(i), slots.IsNull(i)));
        });
    }

    [Fact]
    public void The_numbers_of_an_erased_row_and_of_a_null_slot_are_not_in_the_bytes()
    {
        const double Planted = -0.123456789012345;
        var keys = new Matrix<double>(3, 2, [0.5, 0.25, Planted, Planted, 0.125, 0.75]);
        var values = new Matrix<double>(3, 1, [1, Planted, -1]);
        var pattern = BitConverter.GetBytes(Planted);
        var plain = SegmentCodec.Encode(new RowBatch(new FloatMatrix(keys), new FloatMatrix(values)), 0, 3);
        Assert.Equal(3, Count(plain, pattern));
        Assert.Equal(0, Count(SegmentCodec.Erase(plain, 1), pattern));
        Assert.Equal(0, Count(SegmentCodec.Encode(new RowBatch(new FloatMatrix(keys), new FloatMatrix(values), [false, true, false]), 0, 3), pattern));
    }

    [Fact]
    public void Erasing_changes_neither_the_length_nor_any_other_row()
    {
        GenBatch.Sample(batch =>
        {
            var bytes = SegmentCodec.Encode(batch, 0, batch.Keys.Rows);
            var erased = SegmentCodec.Erase(bytes, batch.Keys.Rows - 1);
            Assert.Equal(bytes.Length, erased.Length);
            Assert.Equal(erased, SegmentCodec.Erase(erased, batch.Keys.Rows - 1));
            var (before, _) = SegmentCodec.Decode(bytes, Schema(batch, Adjacency.AddRemove));
            var (after, _) = SegmentCodec.Decode(erased, Schema(batch, Adjacency.AddRemove));
            for (var i = 0; i < batch.Keys.Rows - 1; i++)
            {
                Assert.Equal(before!.IsNull(i), after!.IsNull(i));
                if (!before.IsNull(i))
                    Assert.Equal(Bits(before, i), Bits(after, i));
            }
        });
    }

    [Fact]
    public void A_row_that_the_segment_does_not_have_cannot_be_erased()
    {
        var bytes = SegmentCodec.Encode(Samples.Rows(3, 1), 0, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => SegmentCodec.Erase(bytes, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => SegmentCodec.Erase(bytes, -1));
    }

    [Fact]
    public void Other_dimensions_than_the_schemas_are_refused()
    {
        var bytes = SegmentCodec.Encode(Samples.Rows(3, 1), 0, 3);
        var other = new StoreSchema(Region.Ball(4, 1), Region.Ball(4, 1), ValueBound.Ball(Samples.ValueDimension, 1), 1, Adjacency.ReplaceOne, 10);
        Assert.Contains("dimensions 5 and 3", Assert.Throws<StorageCorruptException>(() => SegmentCodec.Decode(bytes, other)).Message);
    }

    /// <summary>Whatever is flipped, cut, added or made up is read as rows or refused, and never takes more memory than its length.</summary>
    [Fact]
    public void Damaged_bytes_are_refused_as_corrupt_and_allocate_nothing_large()
    {
        Gen.Select(GenBatch, Gen.Byte.Array[0, 200], Gen.Int[0, 100_000], Gen.Byte, Gen.Int[0, 3]).Sample((batch, noise, place, flip, how) =>
        {
            var bytes = SegmentCodec.Encode(batch, 0, batch.Keys.Rows);
            var damaged = how switch
            {
                0 => noise,
                1 => [.. bytes.AsSpan(0, place % (bytes.Length + 1))],
                2 => [.. bytes, .. noise],
                _ => Flip(bytes, place % 32, flip),
            };
            Read(damaged, Schema(batch, Adjacency.AddRemove));
            Read(damaged, Schema(batch, Adjacency.ReplaceOne));
        });
    }

    [Theory]
    [InlineData(8, int.MaxValue)]
    [InlineData(8, int.MaxValue - 6)]
    [InlineData(12, int.MaxValue)]
    [InlineData(16, int.MaxValue)]
    [InlineData(8, -1)]
    [InlineData(8, 0)]
    [InlineData(12, 0)]
    [InlineData(20, 2)]
    [InlineData(24, 16)]
    [InlineData(28, 1)]
    public void A_header_that_claims_what_its_length_does_not_hold_is_refused(int offset, int value)
    {
        var batch = Samples.Rows(9, 1);
        var bytes = SegmentCodec.Encode(batch, 0, 9);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(offset), value);
        Assert.Throws<StorageCorruptException>(() => SegmentCodec.Decode(bytes, Schema(batch, Adjacency.ReplaceOne)));
        Assert.Throws<StorageCorruptException>(() => SegmentCodec.Erase(bytes, 0));
    }

    [Fact]
    public void Marks_of_rows_that_do_not_exist_are_refused()
    {
        var batch = Samples.Rows(9, 1);
        var bytes = SegmentCodec.Encode(batch, 0, 9);
        bytes[32 + 1] |= 0b10;
        Assert.Throws<StorageCorruptException>(() => SegmentCodec.Decode(bytes, Schema(batch, Adjacency.AddRemove)));
    }

    [Fact]
    public void A_newer_format_is_refused_by_its_number()
    {
        var bytes = SegmentCodec.Encode(Samples.Rows(2, 1), 0, 2);
        bytes[4] = 2;
        Assert.Contains("format 2", Assert.Throws<StorageCorruptException>(() => SegmentCodec.CountRows(bytes)).Message);
    }

    [Fact]
    public void Segments_of_version_1_are_read_by_every_later_version()
    {
        var batch = new RowBatch(
            new FloatMatrix(new Matrix<float>(3, 2, [0.5f, -0.25f, 1, 0, float.Epsilon, -0f])),
            new FloatMatrix(new Matrix<double>(3, 1, [1, -0.125, double.Epsilon])),
            [false, true, false],
            Clip: true);
        var bytes = SegmentCodec.Encode(batch, 0, 3);
        Golden.Require("segment-1.bin", bytes);
        var (rows, clip) = SegmentCodec.Decode(Golden.Bytes("segment-1.bin"), Schema(batch, Adjacency.AddRemove));
        Assert.True(clip);
        Assert.Equal([false, true, false], Enumerable.Range(0, 3).Select(rows!.IsNull));
        Assert.Equal(Bits(batch, 2), Bits(rows, 2));
    }

    [Fact]
    public void A_row_that_no_blob_can_hold_is_refused_with_its_size()
    {
        var wide = new RowBatch(new FloatMatrix(new Matrix<double>(1, 400_000)), new FloatMatrix(new Matrix<double>(1, 200_000)));
        Assert.Contains("4800000 bytes", Assert.Throws<ArgumentException>(() => BatchCut.PiecesOf(wide)).Message);
    }

    [Fact]
    public void Pieces_of_a_batch_cover_its_rows_once_and_fit_a_blob()
    {
        Gen.Select(Gen.Int[1, 20_000], Gen.Int[1, 300], Gen.Bool).Sample(
            (rows, d, isSingle) =>
            {
                FloatMatrix Make(int columns) => isSingle ? new FloatMatrix(new Matrix<float>(rows, columns)) : new FloatMatrix(new Matrix<double>(rows, columns));
                var batch = new RowBatch(Make(d), Make(2));
                var next = 0;
                foreach (var (first, count) in BatchCut.PiecesOf(batch))
                {
                    Assert.Equal(next, first);
                    next += count;
                    Assert.InRange(SegmentCodec.Encode(batch, first, count).Length, 1, ISegmentStore.LargestBlobBytes);
                }
                Assert.Equal(rows, next);
            },
            iter: 20);
    }

    private static void Read(byte[] bytes, StoreSchema schema)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            SegmentCodec.Decode(bytes, schema);
        }
        catch (StorageCorruptException)
        {
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000 + 20L * bytes.Length);
    }

    private static byte[] Flip(byte[] bytes, int place, byte flip)
    {
        bytes[place % bytes.Length] ^= flip;
        return bytes;
    }

    private static FloatMatrix Matrix(int rows, int columns, ulong[] bits, bool isSingle) => isSingle
        ? new FloatMatrix(new Matrix<float>(rows, columns, [.. bits.Select(x => BitConverter.UInt32BitsToSingle((uint)x))]))
        : new FloatMatrix(new Matrix<double>(rows, columns, [.. bits.Select(BitConverter.UInt64BitsToDouble)]));

    private static StoreSchema Schema(RowBatch batch, Adjacency adjacency) => new(
        Region.Ball(batch.Keys.Columns, 1), Region.Ball(batch.Keys.Columns, 1), ValueBound.Ball(batch.Values.Columns, 1), 1, adjacency, 1000);

    private static string Bits(RowBatch batch, int row) => Bits(batch.ToRows(), row);

    /// <summary>A row's numbers, widened: NaNs by what they are, since a widened one may be quieted.</summary>
    private static string Bits(RowSet rows, int row)
    {
        var key = new double[rows.KeyDimension];
        var value = new double[rows.ValueDimension];
        rows.CopyTo(row, key, value);
        return string.Join(' ', key.Concat(value).Select(x => double.IsNaN(x) ? "NaN" : BitConverter.DoubleToInt64Bits(x).ToString("x16")));
    }

    private static int Count(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> pattern)
    {
        var count = 0;
        for (var i = 0; i + pattern.Length <= bytes.Length; i++)
            count += bytes[i..].StartsWith(pattern) ? 1 : 0;
        return count;
    }
}
