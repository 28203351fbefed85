using System.Globalization;
using System.Text.Json;

namespace DpAttn.Cli.Tests;

public class CalcCommandTests
{
    /// <summary>Figures from dp_accounting's analytic Gaussian mechanism with digits from arbitrary-precision arithmetic.</summary>
    [Theory]
    [InlineData(0.5, 1e-6, 8.05761848072504)]
    [InlineData(1, 1e-9, 5.4952661572383)]
    [InlineData(2, 1e-5, 1.99381244564354)]
    [InlineData(8, 1e-9, 0.792237049804094)]
    public void Epsilon_and_delta_give_mu_and_sigma(double epsilon, double delta, double sigma)
    {
        var figures = Calc("--epsilon", Text(epsilon), "--delta", Text(delta));
        Assert.Equal(epsilon, figures["epsilon"]);
        Assert.Equal(delta, figures["delta"]);
        Near(sigma, figures["sigma"]);
        Near(1 / sigma, figures["mu"]);
        // Twice the sensitivity needs twice the noise for the same mu.
        Near(2 * sigma, Calc("--epsilon", Text(epsilon), "--delta", Text(delta), "--sensitivity", "2")["sigma"]);
    }

    [Theory]
    [InlineData(0.5, 1e-6, 10.9971512142207)]
    [InlineData(5, 1e-6, 0.834117548624052)]
    [InlineData(10, 1e-6, 0.396857377644084)]
    [InlineData(100, 1e-9, 0.0488663930157033)]
    public void Sigma_and_delta_give_epsilon(double sigma, double delta, double epsilon)
    {
        var figures = Calc("--sigma", Text(sigma), "--delta", Text(delta));
        Near(epsilon, figures["epsilon"]);
        Near(1 / sigma, figures["mu"]);
        Near(epsilon, Calc("--sigma", Text(3 * sigma), "--sensitivity", "3", "--delta", Text(delta))["epsilon"]);
        Near(epsilon, Calc("--mu", Text(1 / sigma), "--delta", Text(delta))["epsilon"]);
    }

    [Theory]
    [InlineData(10, 1, 0.1, 0.008751768145810)]
    [InlineData(20, 2, 0.1, 0.008751768145810)]
    [InlineData(500, 10, 0.5, 3.129776773173962e-141)]
    public void Sigma_and_epsilon_give_delta(double sigma, double sensitivity, double epsilon, double delta) =>
        Near(delta, Calc("--sigma", Text(sigma), "--sensitivity", Text(sensitivity), "--epsilon", Text(epsilon))["delta"]);

    [Theory]
    [InlineData("0.3", "0.4")]
    [InlineData("0.3,0.4")]
    [InlineData("0.3", "--compose", "0.4")]
    [InlineData("0.1,0.2,0.2", "0.4")]
    public void Several_mu_compose_as_the_root_of_the_sum_of_squares(params string[] parts)
    {
        var figures = Calc(["--compose", .. parts, "--delta", "1e-6"]);
        Assert.Equal(0.5, figures["mu"], 1e-14);
        // The epsilon of sigma = 2.
        Assert.Equal(Calc("--sigma", "2", "--delta", "1e-6")["epsilon"], figures["epsilon"], 1e-12);
    }

    [Fact]
    public void Every_figure_is_rounded_against_the_spender()
    {
        foreach (var epsilon in new[] { 0.01, 0.3, 1, 7.5, 90 })
        {
            foreach (var delta in new[] { 1e-3, 1e-6, 1e-100, 1e-290 })
            {
                var mu = Calc("--epsilon", Text(epsilon), "--delta", Text(delta))["mu"];
                // An allowed mu never costs more than was stated, and gives at most a hair of it away.
                var back = Calc("--mu", Text(mu), "--delta", Text(delta))["epsilon"];
                Assert.InRange(back, epsilon * (1 - 1e-9), epsilon * (1 + 1e-9));
                Assert.True(Calc("--mu", Text(mu * (1 + 1e-9)), "--delta", Text(delta))["epsilon"] > epsilon);
            }
        }
    }

    [Fact]
    public void Delta_may_lie_below_what_a_store_may_promise()
    {
        Assert.InRange(Calc("--mu", "1", "--delta", "1e-300")["epsilon"], 37, 38);
        Assert.Equal(1e-31, Calc("--epsilon", "1", "--delta", "1e-31")["delta"]);
    }

    [Fact]
    public void Json_has_four_names_and_15_digits()
    {
        using var document = JsonDocument.Parse(Dpattn.Run("calc", "--sigma", "3", "--delta", "1e-6", "--output", "json").Output);
        Assert.Equal(["epsilon", "delta", "mu", "sigma"], document.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal("0.333333333333333", document.RootElement.GetProperty("mu").GetRawText());
        Assert.Equal("1e-6", document.RootElement.GetProperty("delta").GetRawText());
    }

    [Fact]
    public void The_table_says_what_the_json_says()
    {
        var table = Dpattn.Run("calc", "--epsilon", "1", "--delta", "1e-6").Output;
        var figures = Calc("--epsilon", "1", "--delta", "1e-6");
        foreach (var name in new[] { "epsilon", "mu", "sigma" })
            Assert.Matches($@"{name} +{figures[name].ToString("G15", CultureInfo.InvariantCulture)}\b", table);
        Assert.Matches(@"delta +1e-6\b", table);
        Assert.Contains("for sensitivity 1", table);
    }

    [Theory]
    [InlineData("state --epsilon and --delta")]
    [InlineData("state --epsilon and --delta", "--epsilon", "1")]
    [InlineData("exactly one of --epsilon and --delta", "--mu", "1")]
    [InlineData("exactly one of --epsilon and --delta", "--sigma", "1", "--epsilon", "1", "--delta", "1e-6")]
    [InlineData("one of --mu, --sigma and --compose", "--mu", "1", "--sigma", "1", "--delta", "1e-6")]
    [InlineData("one of --mu, --sigma and --compose", "--mu", "1", "--compose", "1", "--delta", "1e-6")]
    [InlineData("mu must be above 0", "--mu", "0", "--delta", "1e-6")]
    [InlineData("mu must be a finite number", "--mu", "-1", "--delta", "1e-6")]
    [InlineData("mu must be a finite number", "--compose", "1", "nan", "--delta", "1e-6")]
    [InlineData("noise deviation must be a finite number above 0", "--sigma", "0", "--delta", "1e-6")]
    [InlineData("sensitivity must be a finite number above 0", "--sigma", "1", "--sensitivity", "-1", "--delta", "1e-6")]
    [InlineData("sensitivity must be a finite number above 0", "--sigma", "1", "--sensitivity", "nan", "--delta", "1e-6")]
    [InlineData("sensitivity must be a finite number above 0", "--sigma", "1", "--sensitivity", "infinity", "--delta", "1e-6")]
    [InlineData("--compose takes a number, not 'x'", "--compose", "1,x", "--delta", "1e-6")]
    [InlineData("--mu takes a number, not 'x'", "--mu", "x", "--delta", "1e-6")]
    [InlineData("Required argument missing for option: '--compose'", "--compose")]
    [InlineData("no mu above 1e-150", "--epsilon", "1e-300", "--delta", "1e-300")]
    public void Flags_that_state_too_little_too_much_or_the_impossible_are_refused(string message, params string[] args) =>
        Dpattn.Run(["calc", .. args]).IsRefused(ExitCode.Usage, message);

    private static Dictionary<string, double> Calc(params string[] args) =>
        Dpattn.Run(["calc", .. args, "--output", "json"]).Json().EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble());

    private static void Near(double expected, double actual) => Assert.InRange(actual, expected * (1 - 1e-9), expected * (1 + 1e-9));

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
