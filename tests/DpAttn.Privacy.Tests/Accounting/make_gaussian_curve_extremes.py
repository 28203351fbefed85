"""Makes gaussian_curve_extremes.csv: epsilon on the curve delta = Phi(-e/m + m/2) - exp(e) Phi(-e/m - m/2) far outside the range of a service, 420-digit mpmath."""
import mpmath as mp
mp.mp.dps = 420


def delta(e, m):
    return mp.ncdf(-e / m + m / 2) - mp.exp(e) * mp.ncdf(-e / m - m / 2)


def epsilon_for(m, d):
    low, high = mp.mpf(0), m * m + 60 * m + 1
    if delta(low, m) <= d:
        return low
    while high - low > high * mp.mpf(10) ** -25:
        middle = (low + high) / 2
        low, high = (low, middle) if delta(middle, m) <= d else (middle, high)
    return high


print("# mu,delta,epsilon to 20 digits: epsilon solves delta(epsilon; mu) = delta, 0 where delta alone suffices; made by make_gaussian_curve_extremes.py")
print("mu,delta,epsilon")
for m in ["1e-100", "1e-12", "1e-6", "1e-3", "0.3", "3", "30", "100", "1000", "1e4", "1e6"]:
    for d in ["1e-322", "1e-310", "1e-300", "1e-100", "1e-30", "1e-6", "1e-3", "0.1", "0.5", "0.9", "0.999"]:
        # The doubles that the product will read, exactly.
        print(m, d, mp.nstr(epsilon_for(mp.mpf(float(m)), mp.mpf(float(d))), 20), sep=",")
