"""Makes gaussian_curve_reference.csv: triples on the curve delta = Phi(-e/m + m/2) - exp(e) Phi(-e/m - m/2), 80-digit mpmath."""
import mpmath as mp
mp.mp.dps = 80


def delta(e, m):
    return mp.ncdf(-e / m + m / 2) - mp.exp(e) * mp.ncdf(-e / m - m / 2)


def mu_for(e, d):
    low, high = mp.mpf(10) ** -8, mp.mpf(64)
    while high - low > low * mp.mpf(10) ** -25:
        middle = mp.sqrt(low * high)
        low, high = (middle, high) if delta(e, middle) <= d else (low, middle)
    return low


print("# epsilon,delta,mu to 20 digits: mu solves delta(epsilon; mu) = delta; made by make_gaussian_curve_reference.py")
print("epsilon,delta,mu")
for e in ["0.001", "0.01", "0.1", "0.25", "0.5", "1", "2", "4", "8", "16", "32", "50", "100", "150", "200"]:
    for d in ["1e-3", "3e-4", "1e-5", "1e-6", "1e-9", "1e-12", "1e-18", "1e-25", "1e-30", "1e-40", "1e-60", "1e-80", "1e-100", "1e-140", "1e-180", "1e-200", "1e-250", "1e-280", "1e-293", "1e-300"]:
        # The doubles that the product will read, exactly.
        print(e, d, mp.nstr(mu_for(mp.mpf(float(e)), mp.mpf(float(d))), 20), sep=",")
