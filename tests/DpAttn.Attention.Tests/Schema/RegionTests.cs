using CsCheck;

namespace DpAttn.Attention.Tests;

public class RegionTests
{
    private static readonly Gen<(int D, int Seed, double Radius)> Shapes = Gen.Select(Gen.Int[1, 40], Gen.Int, Gen.Double[-90, 90]).Select((d, seed, bits) => (d, seed, Math.Pow(2, bits)));

    [Fact]
    public void What_a_ball_accepts_never_leaves_its_bounding_radius() => Shapes.Sample(s =>
    {
        var random = new Random(s.Seed);
        var centre = Enumerable.Range(0, s.D).Select(_ => s.Radius * (random.NextDouble() - 0.5)).ToArray();
        var region = Region.Ball(centre, s.Radius);
        for (var i = 0; i < 20; i++)
        {
            var direction = centre.Select(_ => TestRows.Gaussian(random)).ToArray();
            var norm = Math.Sqrt(direction.Sum(x => x * x));
            // Around the limit, where rounding decides.
            var factor = s.Radius * (1 + Region.BallTolerance * (1 + 1e-8 * (random.NextDouble() - 0.5))) / norm;
            var vector = direction.Select((x, j) => centre[j] + x * factor).ToArray();
            if (region.TryCentre(vector, clip: false).Kind == RegionFaultKind.None)
                Assert.True(Norm(vector) <= region.BoundingRadius);
            // Every finite vector is clipped into it.
            var far = direction.Select((x, j) => centre[j] + x * factor * Math.Pow(10, random.Next(-3, 200))).ToArray();
            Assert.Equal(RegionFault.None, region.TryCentre(far, clip: true));
            Assert.True(Norm(far) <= region.BoundingRadius);
        }
    }, iter: 300);

    [Fact]
    public void What_a_box_accepts_never_leaves_its_half_widths_or_its_bounding_radius() => Shapes.Sample(s =>
    {
        var random = new Random(s.Seed);
        var low = Enumerable.Range(0, s.D).Select(_ => s.Radius * (random.NextDouble() - 0.5)).ToArray();
        var high = low.Select(x => x + s.Radius * (0.001 + random.NextDouble())).ToArray();
        var region = Region.Box(low, high);
        for (var i = 0; i < 20; i++)
        {
            var vector = low.Select((x, j) => random.Next(3) switch { 0 => x, 1 => high[j], _ => Math.Clamp(x + (high[j] - x) * random.NextDouble(), x, high[j]) }).ToArray();
            Assert.Equal(RegionFault.None, region.TryCentre(vector, clip: false));
            Assert.True(Norm(vector) <= region.BoundingRadius);
            for (var j = 0; j < s.D; j++)
                Assert.True(Math.Abs(vector[j]) <= region.HalfWidths[j]);
            // One step outside one coordinate is outside, and clips to the corner.
            vector = [.. high];
            vector[s.D / 2] = Math.BitIncrement(high[s.D / 2]);
            Assert.Equal(RegionFault.Outside(s.D / 2), region.TryCentre([.. vector], clip: false));
            Assert.Equal(RegionFault.None, region.TryCentre(vector, clip: true));
            Assert.Equal(high[s.D / 2] - region.Centre[s.D / 2], vector[s.D / 2]);
        }
    }, iter: 300);

    /// <summary>A box is checked as a box: its ball reaches sqrt(d) times as far along an axis.</summary>
    [Fact]
    public void A_box_is_checked_as_a_box_and_a_ball_as_a_ball()
    {
        double[] insideTheBall = [1.5, 0.5, 0.5, 0.5], corner = [1, 1, 1, 1];
        Assert.Equal(RegionFault.Outside(0), Region.Box(4, 0, 1).TryCentre([.. insideTheBall], clip: false));
        Assert.Equal(RegionFault.None, Region.Box(4, 0, 1).TryCentre([.. corner], clip: false));
        Assert.Equal(RegionFault.None, Region.Ball([0.5, 0.5, 0.5, 0.5], 1).TryCentre([.. insideTheBall], clip: false));
        Assert.Equal(RegionFault.Outside(), Region.Ball(4, 1).TryCentre([.. corner], clip: false));
        Assert.Equal(1, Region.Box(4, 0, 1).Radius, 1e-8);
    }

    [Fact]
    public void Unit_vectors_of_float32_are_in_the_unit_ball_and_a_thousandth_more_is_not()
    {
        var random = new Random(4);
        var ball = Region.Ball(64, 1);
        for (var i = 0; i < 1000; i++)
        {
            var direction = Enumerable.Range(0, 64).Select(_ => TestRows.Gaussian(random)).ToArray();
            var norm = Norm(direction);
            Assert.Equal(RegionFault.None, ball.TryCentre([.. direction.Select(x => (double)(float)(x / norm))], clip: false));
            Assert.Equal(RegionFault.Outside(), ball.TryCentre([.. direction.Select(x => x / norm * 1.001)], clip: false));
        }
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void What_is_no_number_is_refused_even_with_clipping(double bad)
    {
        foreach (var region in new[] { Region.Ball(3, 1), Region.Box(3, -1, 1) })
        {
            foreach (var clip in new[] { false, true })
                Assert.Equal(RegionFault.NotFinite(1), region.TryCentre([0, bad, 0], clip));
        }
    }

    [Fact]
    public void The_largest_and_smallest_doubles_are_clipped_without_overflow()
    {
        foreach (var x in new[] { double.MaxValue, -double.MaxValue, double.Epsilon, -0.0 })
        {
            double[] vector = [x, x, -x];
            Assert.Equal(RegionFault.None, Region.Ball([1, -1, 0], 2).TryCentre(vector, clip: true));
            Assert.True(Norm(vector) <= 2.00001);
            vector = [x, x, -x];
            Assert.Equal(RegionFault.None, Region.Box(3, -1, 0.5).TryCentre(vector, clip: true));
            Assert.All(vector, v => Assert.InRange(v, -0.75, 0.75));
        }
    }

    /// <summary>Beyond 2^100 the square of a bound may be infinite, and a check against infinity accepts everything.</summary>
    [Fact]
    public void Bounds_whose_squares_overflow_or_vanish_are_refused()
    {
        foreach (var radius in new[] { 0, -1, double.NaN, double.PositiveInfinity, 1e200, 1.3e31, 1e-31, 1e-200, double.Epsilon })
        {
            Assert.Contains("radius of a ball must be above 0", Assert.Throws<ArgumentOutOfRangeException>(() => Region.Ball(2, radius)).Message);
            Assert.Throws<ArgumentOutOfRangeException>(() => ValueBound.Ball(2, radius));
            Assert.Throws<ArgumentException>(() => ValueBound.Box(2, radius));
            Assert.Contains("box, coordinate 0", Assert.Throws<ArgumentException>(() => Region.Box(2, 0, radius)).Message);
        }
        foreach (var centre in new[] { double.NaN, double.NegativeInfinity, 1e200 })
            Assert.Contains("the centre of a ball", Assert.Throws<ArgumentException>(() => Region.Ball([0, centre], 1)).Message);
        Assert.Throws<ArgumentException>(() => Region.Box(2, -1e200, 1e200));
        Assert.Throws<ArgumentException>(() => Region.Box(2, 1, 1));
        Assert.Throws<ArgumentException>(() => Region.Box(2, 1, 0));
        Assert.Throws<ArgumentException>(() => Region.Box(2, double.NaN, 1));
        Assert.Contains("coordinate 1", Assert.Throws<ArgumentException>(() => Region.Box([0, 1], [1, 1])).Message);
        Assert.Throws<ArgumentException>(() => Region.Box([0, 1], [1]));
        Assert.Throws<ArgumentException>(() => Region.Box([], []));
        Assert.Throws<ArgumentException>(() => Region.Ball([], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Region.Ball(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Region.Box(0, 0, 1));
        // The ends of the range work.
        foreach (var radius in new[] { Region.LargestMagnitude, 1 / Region.LargestMagnitude })
        {
            Assert.Equal(RegionFault.None, Region.Ball(3, radius).TryCentre([radius, 0, 0], clip: false));
            Assert.Equal(RegionFault.Outside(), Region.Ball(3, radius).TryCentre([radius * 1.001, 0, 0], clip: false));
        }
    }

    [Fact]
    public void A_value_box_has_a_radius_of_sqrt_dv_and_estimates_are_moved_to_the_nearest_point_inside()
    {
        var box = ValueBound.Box(16, 0.5);
        Assert.Equal(2, box.BoundingRadius, 1e-8);
        Assert.Equal(0.5, box.LargestEntry);
        double[] estimate = [3, -0.7, .. new double[14]];
        box.ClipEstimate(estimate);
        Assert.Equal([0.5, -0.5, .. new double[14]], estimate);

        var ball = ValueBound.Ball(2, 1);
        estimate = [30, -40];
        ball.ClipEstimate(estimate);
        Assert.Equal(0.6, estimate[0], 1e-5);
        Assert.Equal(-0.8, estimate[1], 1e-5);
        estimate = [0.1, 0.2];
        ball.ClipEstimate(estimate);
        Assert.Equal([0.1, 0.2], estimate);
    }

    private static double Norm(double[] vector)
    {
        // Scaled by a power of two, so that no square overflows; then in extended precision by Kahan's compensation.
        var scale = Math.Pow(2, -Math.ILogB(vector.Max(Math.Abs) + double.Epsilon));
        double sum = 0, carry = 0;
        foreach (var x in vector)
        {
            var term = x * scale * (x * scale) - carry;
            var next = sum + term;
            carry = next - sum - term;
            sum = next;
        }
        return Math.Sqrt(sum) / scale;
    }
}
