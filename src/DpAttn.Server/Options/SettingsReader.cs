using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace DpAttn.Server;

/// <summary>Reads a class of plain settings (texts, whole numbers, switches) and refuses what it does not know.</summary>
internal static class SettingsReader
{
    public static T Read<T>(IConfiguration configuration, string section)
        where T : new()
    {
        var settings = new T();
        var properties = Properties(typeof(T)).ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        var faults = new List<string>();
        foreach (var child in configuration.GetSection(section).GetChildren())
        {
            if (!properties.TryGetValue(child.Key, out var property))
                faults.Add($"{section}:{child.Key} is no setting; known are {string.Join(", ", properties.Values.Select(p => p.Name))}");
            else if (child.GetChildren().Any())
                faults.Add($"{section}:{property.Name} is one value, not a section or a list");
            else if (child.Value is { } text && !TrySet(settings, property, text))
                faults.Add($"{section}:{property.Name} is {Shown(property, text)}; {Bound(property)}");
        }
        return faults.Count == 0 ? settings : throw new SettingsException(faults);
    }

    /// <summary>What is wrong with settings, by their annotations.</summary>
    public static IEnumerable<string> Check<T>(T settings, string section)
    {
        foreach (var property in Properties(typeof(T)))
        {
            var value = property.GetValue(settings);
            if (value is null || !property.GetCustomAttributes<ValidationAttribute>().All(annotation => annotation.IsValid(value)))
                yield return $"{section}:{property.Name} is {Shown(property, Convert.ToString(value, CultureInfo.InvariantCulture))}; {Bound(property)}";
        }
    }

    public static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);

    private static bool TrySet(object settings, PropertyInfo property, string text)
    {
        if (property.PropertyType == typeof(string))
            property.SetValue(settings, text);
        else if (property.PropertyType == typeof(int) && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            property.SetValue(settings, number);
        else if (property.PropertyType == typeof(bool) && bool.TryParse(text, out var isOn))
            property.SetValue(settings, isOn);
        else
            return false;
        return true;
    }

    private static string Shown(PropertyInfo property, string? value) => property.IsDefined(typeof(SecretAttribute)) ? "a secret that is not repeated" : $"'{value}'";

    private static string Bound(PropertyInfo property) =>
        property.GetCustomAttribute<RangeAttribute>() is { } range ? $"it must be a whole number from {range.Minimum} to {range.Maximum}"
        : property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed ? $"it must be {string.Join(" or ", allowed.Values)}"
        : property.PropertyType == typeof(bool) ? "it must be true or false"
        : property.GetCustomAttribute<StringLengthAttribute>() is { } length ? $"it must have 1 to {length.MaximumLength} characters"
        : "it must not be empty";
}
